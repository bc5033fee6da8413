"""Run the code cells of all pages that need it: in parallel, once, with outputs kept by content.

Before Sphinx reads any page, the pages whose outputs are not in the store run, each in a kernel of
its own (see `schedule`). Outputs are kept under a hash of the page's code cells, with a record of
all that the run has read, and hold as long as everything in it is as it was (see `reads`); prose,
captions, alternative texts and most tags are not part of it. Only a run with no error and nothing
on stderr is kept, so a failing page fails again at every build until it is mended.
"""

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import from_dict
from nbformat.v4 import new_markdown_cell, new_notebook
from sphinx.errors import SphinxError
from sphinx.util import logging

from sphinx_lectures.execution.findings import TAG, is_finding, note, unmet, unmet_on
from sphinx_lectures.execution.kernel import Failure, problems_before_running
from sphinx_lectures.execution.kernel_environment import build_folder, environment, settings
from sphinx_lectures.execution.page import code_cells, is_to_run, language, read_notebook
from sphinx_lectures.execution.private import is_notebook, sphinx_logger
from sphinx_lectures.execution.reads import Store, World
from sphinx_lectures.execution.schedule import progress, run_all, run_apart
from sphinx_lectures.rebuilds.kept import hash_of, load_json, write_whole

logger = logging.getLogger(__name__)
CONSEQUENCES = (("mystnb", "glue"), ("ref", "numref"), ("ref", "ref"))
#: Tags that say how a cell is run.
TAGS = ("raises-exception", "skip-execution", "remove-stderr", "allow-stderr", TAG)
STARTS = (
    "starts a program. What that reads is not seen: name the files under `depends:` at the head of"
    " the page (`depends: []` if there are none)."
)
NO_FORMAT = "there are cells, which do not run without `file_format: mystnb` in the header"
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
    key: str  #: a hash of its code, and of how it is run
    rests_on: list  #: files that it rests on by its own word, or all pages do

    @cached_property
    def notebook(self):
        return read_notebook(self.text)


def read(text):
    """Reader for MyST-NB: the page as a notebook, with the outputs of this build in its cells.

    MyST-NB itself is to run nothing. A page that cannot be read is complained of, and empty.
    """
    with _complaining(_reading):
        return _with_outputs(text)
    return new_notebook(metadata={"source_map": []})


def _with_outputs(text):
    notebook = read_notebook(text)
    cells, kept = [cell for _, cell in code_cells(notebook)], _outputs.get((_reading, text), [])
    if cells:
        name = language(notebook)
        lexer = "ipython3" if name == "python" else name
        notebook.metadata["language_info"] = {"name": name, "pygments_lexer": lexer}
        if not is_notebook(text):
            _warn(f"{_reading}:1", NO_FORMAT)
    notebook.metadata["mystnb"] = {**notebook.metadata.get("mystnb", {}), "execution_mode": "off"}
    for number, (cell, outputs) in enumerate(zip(cells, kept, strict=False), 1):
        cell.outputs, cell.execution_count = from_dict(outputs), number
    for index, cell in code_cells(notebook):
        if is_finding(cell):
            cell.metadata.tags = ["remove-cell"]
            if findings := unmet(cell.outputs):
                notebook.cells[index] = new_markdown_cell(note(findings))
    return notebook


@contextmanager
def _complaining(path):
    """Whatever a page provokes that nobody has thought of becomes a warning with its name."""
    try:
        yield
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        words = f"expected UTF-8, got the byte {error.object[error.start]:#x}"
        raise SphinxError(f"{path}:{line}: {words}") from None  # Sphinx can go no further
    except Exception as error:
        _failed.add(str(path))
        _warn(f"{path}:1", f"the page cannot be read: {error}")


def world_of(app):
    """How the things are now that pages read."""
    return World(Path(app.confdir), environment(app))


def _read_again(app, env, added, changed, removed):
    """Pages whose kept outputs are not those that they show."""
    store, world = Store(build_folder(app, "outputs")), world_of(app)
    shown, outdated = env.lectures_shown, []
    for name in sorted(shown.keys() & env.found_docs - added - changed):
        page = page_of(app, name)
        kept = page and store.find(page.key, world)
        if not kept or kept.name != shown[name]:
            outdated.append(name)
    return outdated


def run_pages(app, env, docnames):
    """Fill in the outputs of all pages that are about to be read, running those that need it."""
    store, world = Store(build_folder(app, "outputs")), world_of(app)
    missing = []
    pages = [page for name in docnames if (page := page_of(app, name))]
    for page in pages:
        _outputs[page.path, page.text] = []
        env.lectures_shown.pop(page.docname, None)
        if failures := [*problems_before_running(page.text, page.notebook)]:
            _report(page, failures)
        elif not is_to_run(page.notebook):
            continue
        elif kept := store.find(page.key, world):
            env.lectures_shown[page.docname] = kept.name
            _outputs[page.path, page.text] = load_json(kept)["outputs"]
        else:
            missing.append(page)
    if missing:
        _run(app, store, missing)
    env.lectures_unmet = {
        **{name: env.lectures_unmet[name] for name in env.lectures_unmet.keys() & env.found_docs},
        **{page.docname: unmet_on(page, _outputs[page.path, page.text]) for page in pages
           if str(page.path) not in _failed},
    }  # fmt: skip


def files_read(app, docname):
    """Names, as seen from the folder of the site, of the files that a page read when it ran."""
    return [name for kind, name, _ in _record_of(app, docname) if kind == "file"]


def _record_of(app, docname):
    kept = app.env.lectures_shown.get(docname)
    return load_json(Path(build_folder(app, "outputs"), kept).with_suffix(".reads")) if kept else []


def _say_what_to_watch(app, exception):
    """Keep names of what pages have read outside of the site: who has not built sees no change."""
    if exception:
        return
    outside = {
        (kind, name)
        for page in app.env.lectures_shown
        for kind, name, _ in _record_of(app, page)
        if kind == "variable" or (kind != "package" and Path(name).is_absolute())
    }
    write_whole(build_folder(app, "watched.json"), json.dumps(sorted(outside)))


def _run(app, store, pages):
    """Run pages, keep what came out, and report what failed."""
    times = load_json(store.folder / "times.json")  # in seconds

    def keep(page, run, taken):
        _outputs[page.path, page.text], failures = run.outputs, run.failures
        record, edited = recorded(app, page, run)
        if not failures and edited:
            failures = [Failure(None, 1, f"{', '.join(edited)} {CHANGED}")]
        if failures:
            _report(page, failures)
        else:
            kept = store.keep(page.key, record, {"outputs": run.outputs})
            app.env.lectures_shown[page.docname] = kept.name
            times[page.docname] = {"page": round(taken, 3), "cells": run.seconds}
            write_whole(store.folder / "times.json", json.dumps(times))
        return not failures

    before = {name: known["page"] for name, known in times.items()}
    run_apart(run_all(app, pages, before, keep))


def recorded(app, page, run):
    """The record of what a page has read, and names of the files that were edited meanwhile."""
    folder = Path(app.confdir)
    edited = [os.path.relpath(name, folder) for name in run.notes.edited()]
    if page.path.read_text(encoding="utf-8-sig") != page.text:
        edited.insert(0, page.path.name)
    if run.notes.has("process") and "depends" not in page.notebook.metadata:
        progress(f"{page.docname} {STARTS}")
    return run.notes.record(world_of(app), page.rests_on), edited


def _report(page, failures):
    _failed.add(str(page.path))
    for failure in failures:
        cell = f"code cell {failure.cell}: " if failure.cell else ""
        _warn(f"{page.path}:{failure.line}", cell + failure.message, "execution")


def _warn(place, words, kind="page"):
    logger.warning("%s", words, location=place, type="lectures", subtype=kind)


def page_of(app, docname):
    """A page, or None if it is no notebook, or cannot be read."""
    path = Path(app.env.doc2path(docname))
    with _complaining(path):
        text = path.read_text(encoding="utf-8-sig")
        if not is_notebook(text):
            return None
        code, named = _code(app.env, docname, text)
        folder = os.path.relpath(path.parent, app.confdir)
        key = hash_of([folder, code, named, sys.version, settings(app.config)])
        files = [Path(app.confdir, name) for name in app.config.lectures_rests_on]
        files += [path.parent / name for name in named]
        return Page(docname, path, text, key, files)


def _code(env, docname, text):
    """The code of a page, and the files that it says it rests on; known until it is edited."""
    mark = hash_of([TAGS, text])
    if env.lectures_code.get(docname, [None])[0] != mark:
        notebook = read_notebook(text)
        # The empty text has the outputs of earlier builds stay known.
        code = [
            [cell.source, "", *(tag in cell.metadata.get("tags", []) for tag in TAGS)]
            for _, cell in code_cells(notebook)
        ]
        env.lectures_code[docname] = mark, code, list(notebook.metadata.get("depends") or [])
    return env.lectures_code[docname][1:]


def _before_reading(app, docname, source):
    global _reading
    _reading = Path(app.env.doc2path(docname))
    known = str(_reading) in _failed or (_reading, source[0]) in _outputs
    if not known and is_notebook(source[0]):
        _warn(docname, f"the page {CHANGED}")


def _is_no_consequence(record):
    """Of a page that failed, it is said what is wrong, not which numbers or figures are missing."""
    kind = (getattr(record, "type", None), getattr(record, "subtype", None))
    page = str(getattr(record, "location", "")).rpartition(":")[0]
    return kind not in CONSEQUENCES or page not in _failed


def _start(app):
    _outputs.clear()
    _failed.clear()
    for name in ("lectures_code", "lectures_shown", "lectures_unmet"):
        vars(app.env).setdefault(name, {})
    for handler in sphinx_logger().handlers:
        handler.addFilter(_is_no_consequence)


def _take_over(app, config):
    """Leave MyST-NB to render what came out of the pages."""
    config.nb_execution_mode = "off"
    reader = {".md": ["sphinx_lectures.execution.outputs.read", {}, False]}
    config.nb_custom_formats = {**config.nb_custom_formats, **reader}


def connect(app):
    app.add_config_value("lectures_cell_timeout", 300, "", types=[int])
    app.add_config_value("lectures_kernels", 0, "", types=[int])
    app.add_config_value("lectures_rests_on", [], "env", types=[list])
    app.connect("config-inited", _take_over)
    app.connect("builder-inited", _start)
    app.connect("env-get-outdated", _read_again)
    app.connect("env-before-read-docs", run_pages)
    app.connect("source-read", _before_reading)
    app.connect("build-finished", _say_what_to_watch)
