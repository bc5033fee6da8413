"""Run the code cells of all pages that need it: in parallel, once, with outputs kept by content.

Before Sphinx reads any page, the pages whose outputs are not in the store run, each in a kernel of
its own (see `schedule`). The key of a page's outputs is a hash of its code cells and of every file
that they rest on (see `dependencies`), but for those that the page itself has made and left as they
are; prose, captions, alternative texts and tags are not part of it. Only a run with no error and
nothing on stderr is kept, so a failing page fails again at every build until it is mended.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from logging import Filter
from pathlib import Path

from nbformat import NotebookNode, from_dict
from sphinx.util import logging

from sphinx_lectures.execution import processor
from sphinx_lectures.execution.findings import (
    TAG,
    TITLE,
    Finding,
    are_errors,
    is_finding,
    note,
    unmet,
)
from sphinx_lectures.execution.kernel import Failure, build_folder, problems_before_running
from sphinx_lectures.execution.page import (
    cell_line,
    code_cells,
    is_notebook,
    is_to_run,
    language,
    read_notebook,
)
from sphinx_lectures.execution.private import sphinx_logger
from sphinx_lectures.execution.rests_on import contents, digest, files_of_page
from sphinx_lectures.execution.schedule import run_all, run_apart
from sphinx_lectures.rebuilds.kept import load_json, write_whole

logger = logging.getLogger(__name__)
CONSEQUENCES = (("mystnb", "glue"), ("ref", "numref"), ("ref", "ref"))
CHANGED = "changed while the site was being built; build it again"

#: Outputs of every page of this build, by its file and text; filled before pages are read.
_outputs = {}
#: Files of the pages that failed in this build.
_failed = set()
#: The file that is being read: MyST-NB gives its reader no more than the text.
_reading = None


@dataclass(eq=False)
class Page:
    """A page that is a notebook."""

    docname: str
    path: Path
    text: str
    notebook: NotebookNode
    files: dict  #: hashes of the files that it rests on, by their names
    key: str


def read(text):
    """Reader for MyST-NB: the page as a notebook, with the outputs of this build in its cells."""
    notebook = read_notebook(text, _reading)
    if is_notebook(text):
        name = language(notebook)
        lexer = "ipython3" if name == "python" else name
        notebook.metadata["language_info"] = {"name": name, "pygments_lexer": lexer}
    cells, kept = [cell for _, cell in code_cells(notebook)], _outputs.get((_reading, text), [])
    for number, (cell, outputs) in enumerate(zip(cells, kept, strict=False), 1):
        cell.outputs, cell.execution_count = from_dict(outputs), number
    for cell in filter(is_finding, cells):
        if findings := unmet(cell.outputs):
            cell.update(cell_type="markdown", source=note(findings))
        cell.metadata.tags = [] if findings else ["remove-cell"]
    return notebook


def run_pages(app, env, docnames):
    """Fill in the outputs of all pages that are about to be read, running those that need it."""
    store = build_folder(app, "outputs")
    store.mkdir(parents=True, exist_ok=True)
    made = load_json(store / "made.json")
    missing = []
    pages = [page for name in docnames if (page := page_of(app, env, name, made.get(name, {})))]
    for page in pages:
        kept = store / f"{page.key}.json"
        _outputs[page.path, page.text] = []
        if failures := problems_before_running(page.text, page.notebook, page.path):
            _report(page, failures)
        elif not is_to_run(page.notebook):
            continue
        elif kept.is_file():
            _outputs[page.path, page.text] = load_json(kept)["outputs"]
        else:
            missing.append(page)
    if missing:
        _run(app, store, missing, made)
    before = getattr(env, "lectures_unmet", {})
    env.lectures_unmet = {
        **{name: findings for name, findings in before.items() if name in env.found_docs},
        **{page.docname: unmet_on(page, _outputs[page.path, page.text]) for page in pages
           if str(page.path) not in _failed},
    }  # fmt: skip


def unmet_on(page, outputs):
    """The findings on a page that did not hold, with lines of its file."""
    return [
        Finding(cell_line(page.text, page.notebook, index) + finding.line - 1, finding.words)
        for (index, _), kept in zip(code_cells(page.notebook), outputs, strict=False)
        for finding in unmet(kept)
    ]


def _say_what_is_unmet(app, env):
    """Findings that do not hold are said at every build, and are errors where that is asked."""
    say = logger.warning if are_errors() else logger.info
    for name, findings in sorted(env.lectures_unmet.items()):
        for line, words in findings:
            place = f"{env.doc2path(name)}:{line}"
            say("%s: %s", TITLE, words, location=place, type="lectures", subtype=TAG)


def _run(app, store, pages, made):
    """Run pages, keep what came out and which files they `made`, and report what failed."""
    times = load_json(store / "times.json")  # in seconds

    def keep(page, run, taken):
        _outputs[page.path, page.text], failures = run.outputs, run.failures
        changed, own = _changes(app, page, made.get(page.docname, {}))
        if own:
            made[page.docname] = own
            write_whole(store / "made.json", json.dumps(made))
        if not failures and changed:
            failures = [Failure(None, 1, f"{', '.join(changed)} {CHANGED}")]
        if failures:
            _report(page, failures)
        else:
            times[page.docname] = {"page": round(taken, 3), "cells": run.seconds}
            write_whole(store / f"{page.key}.json", json.dumps({"outputs": run.outputs}))
            write_whole(store / "times.json", json.dumps(times))
        return not failures

    before = {name: known["page"] for name, known in times.items()}
    run_apart(run_all(app, pages, before, keep))


def _changes(app, page, made):
    """Names of the files that changed while a page ran, and hashes of those that it has made.

    It has made those that were not there before it ran, or that an earlier run `made`.
    """
    now = contents(files_of_page(app, page.notebook, page.path), Path(app.confdir))
    files = {name: content for name, content in page.files.items() if name not in made}
    changed = [name for name, content in files.items() if now.get(name) != content]
    if page.path.read_text(encoding="utf-8-sig") != page.text:
        changed.insert(0, page.path.name)
    return changed, {name: content for name, content in now.items() if name not in files}


def _report(page, failures):
    _failed.add(str(page.path))
    for failure in failures:
        cell = f"code cell {failure.cell}: " if failure.cell else ""
        logger.warning(
            "%s%s",
            cell,
            failure.message,
            location=f"{page.path}:{failure.line}",
            type="lectures",
            subtype="execution",
        )


def page_of(app, env, docname, made):
    """A page, or None if it is no notebook.

    It does not rest on the files that it `made` itself, if they are as it left them.
    """
    path = Path(env.doc2path(docname))
    text = path.read_text(encoding="utf-8-sig")
    if not is_notebook(text):
        return None
    notebook = read_notebook(text, path)
    code = [
        (cell.source, "raises-exception" in cell.metadata.get("tags", []), is_finding(cell))
        for _, cell in code_cells(notebook)
    ]
    files = contents(files_of_page(app, notebook, path), Path(app.confdir))
    files = {name: content for name, content in files.items() if made.get(name) != content}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    parts = json.dumps([code, digest(files), version, processor.settings(app.config)])
    key = hashlib.sha256(parts.encode()).hexdigest()
    return Page(docname, path, text, notebook, files, key)


def _before_reading(app, docname, source):
    global _reading
    _reading = Path(app.env.doc2path(docname))
    if is_notebook(source[0]) and (_reading, source[0]) not in _outputs:
        logger.warning("the page %s", CHANGED, location=docname, type="lectures")


class _NoConsequences(Filter):
    """Of a page that failed, says what is wrong and not which numbers or figures are missing."""

    def filter(self, record):
        kind = (getattr(record, "type", None), getattr(record, "subtype", None))
        page = str(getattr(record, "location", "")).rpartition(":")[0]
        return kind not in CONSEQUENCES or page not in _failed


def _start(app):
    _outputs.clear()
    _failed.clear()
    for handler in sphinx_logger().handlers:
        handler.addFilter(_NoConsequences())


def connect(app):
    app.add_config_value("lectures_cell_timeout", 300, "", types=[int])
    app.add_config_value("lectures_kernels", 0, "", types=[int])
    app.add_config_value("lectures_kernel_environment", {}, "env", types=[dict])
    app.connect("builder-inited", _start)
    app.connect("env-before-read-docs", run_pages)
    app.connect("source-read", _before_reading)
    app.connect("env-updated", _say_what_is_unmet)
