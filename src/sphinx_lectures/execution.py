"""Run the code cells of all pages that need it: in parallel, once, with outputs kept by content.

Before Sphinx reads any page, the pages whose outputs are not in the store run, each in a kernel of
its own (see `schedule`). The key of a page's outputs is a hash of its code cells and of every file
that they rest on (see `dependencies`); prose, captions, alternative texts and tags are not part of
it. Only a run with no error and nothing on stderr is kept, so a failing page fails again at every
build until it is mended.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from logging import Filter, getLogger
from pathlib import Path
from typing import NamedTuple

from nbformat import from_dict
from sphinx.util import logging
from sphinx.util.logging import NAMESPACE

from sphinx_lectures.dependencies import digest, files_of_page, packages_of_page
from sphinx_lectures.kernel import Failure
from sphinx_lectures.notebook import code_cells, is_notebook, read_notebook
from sphinx_lectures.schedule import run_all, run_apart

logger = logging.getLogger(__name__)
CONSEQUENCES = (("mystnb", "glue"), ("ref", "numref"), ("ref", "ref"))
CHANGED = "changed while the site was being built; build it again"

#: Outputs of every page of this build, by the text of the page; filled before pages are read.
_outputs = {}
#: Files of the pages that failed in this build.
_failed = set()


class Page(NamedTuple):
    """A page to run."""

    docname: str
    path: Path
    text: str
    key: str
    packages: frozenset  #: that its cells reach through imports


def read(text):
    """Reader for MyST-NB: the page as a notebook, with the outputs of this build in its cells."""
    notebook = read_notebook(text)
    if is_notebook(text):
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    cells = [cell for _, cell in code_cells(notebook)]
    for number, (cell, outputs) in enumerate(zip(cells, _outputs.get(text, []), strict=False), 1):
        cell.outputs, cell.execution_count = from_dict(outputs), number
    return notebook


def run_pages(app, env, docnames):
    """Fill in the outputs of all pages that are about to be read, running those that need it."""
    store = Path(app.doctreedir).parent / "outputs"
    store.mkdir(parents=True, exist_ok=True)
    pages = [page for name in docnames if (page := _page(app, env, name))]
    missing = []
    for page in pages:
        kept = store / f"{page.key}.json"
        if kept.is_file():
            _outputs[page.text] = json.loads(kept.read_text(encoding="utf-8"))["outputs"]
        else:
            missing.append(page)
    if missing:
        _run(app, store, missing)


def _run(app, store, pages):
    """Run pages, keep what came out, and report what failed."""
    times_file = store / "times.json"  # in seconds
    times = json.loads(times_file.read_text()) if times_file.is_file() else {}

    def keep(page, run, taken):
        _outputs[page.text], failures = run.outputs, run.failures
        if not failures and _page(app, app.env, page.docname) != page:
            failures = [Failure(1, 1, "the page, or a file that it rests on, " + CHANGED)]
        if failures:
            _failed.add(str(page.path))
            _report(page, failures)
        else:
            times[page.docname] = {"page": round(taken, 3), "cells": run.seconds}
            _write_whole(store / f"{page.key}.json", json.dumps({"outputs": run.outputs}))
            _write_whole(times_file, json.dumps(times))
        return not failures

    before = {name: known["page"] for name, known in times.items()}
    run_apart(run_all(app, pages, before, keep))


def _report(page, failures):
    for failure in failures:
        logger.warning(
            "code cell %d: %s",
            failure.cell,
            failure.message,
            location=f"{page.path}:{failure.line}",
            type="lectures",
            subtype="execution",
        )


def _page(app, env, docname):
    path = Path(env.doc2path(docname))
    text = path.read_text(encoding="utf-8-sig")
    if not is_notebook(text):
        return None
    notebook = read_notebook(text)
    code = [
        (cell.source, "raises-exception" in cell.metadata.get("tags", []))
        for _, cell in code_cells(notebook)
    ]
    files = digest(files_of_page(app, notebook, path), Path(app.confdir))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    parts = json.dumps([code, files, version, app.config.lectures_kernel_environment])
    key = hashlib.sha256(parts.encode()).hexdigest()
    return Page(docname, path, text, key, frozenset(packages_of_page(app, notebook, path)))


def _unchanged(app, docname, source):
    if is_notebook(source[0]) and source[0] not in _outputs:
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
    for handler in getLogger(NAMESPACE).handlers:
        handler.addFilter(_NoConsequences())


def _write_whole(path, text):
    """Write a file so that no reader ever sees half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def setup(app):
    app.setup_extension("sphinx_lectures.dependencies")
    app.add_config_value("lectures_cell_timeout", 300, "", types=[int])
    app.add_config_value("lectures_kernels", 0, "", types=[int])
    app.add_config_value("lectures_import_once", [], "", types=[list])
    app.add_config_value("lectures_kernel_environment", {}, "env", types=[dict])
    app.connect("builder-inited", _start)
    app.connect("env-before-read-docs", run_pages)
    app.connect("source-read", _unchanged)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
