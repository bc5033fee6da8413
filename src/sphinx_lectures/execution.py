"""Run the code cells of all pages that need it: in parallel, once, with outputs kept by content.

Before Sphinx reads any page, the pages whose outputs are not in the store run: one kernel a page,
as many at once as there are cores, the longest first. The key of a page's outputs is a hash of its
code cells and of every file that they rest on (see `dependencies`); prose, captions, alternative
texts and tags are not part of it. Only a run with no error and nothing on stderr is kept, so a
failing page fails again at every build until it is mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from logging import Filter, getLogger
from pathlib import Path
from typing import NamedTuple

from nbformat import from_dict
from sphinx.util import logging
from sphinx.util.logging import NAMESPACE

from sphinx_lectures.dependencies import digest, files_of_page
from sphinx_lectures.kernel import Failure, run_page
from sphinx_lectures.notebook import code_cells, is_notebook, read_notebook

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
        _run_apart(_run_all(app, store, missing))


def _run_apart(coroutine):
    """Run in a thread, where no other loop is running and Ctrl-C is left to Python."""
    cancel = []

    async def run():
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        await coroutine

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, run())
        try:
            done.result()
        except KeyboardInterrupt:
            for stop in cancel:
                stop()
            raise


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
    return Page(docname, path, text, hashlib.sha256(parts.encode()).hexdigest())


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


async def _run_all(app, store, pages):
    seconds_file = store / "seconds.json"
    seconds = json.loads(seconds_file.read_text()) if seconds_file.is_file() else {}
    pages = sorted(pages, key=lambda page: -seconds.get(page.docname, len(page.text)))
    places = asyncio.Semaphore(app.config.lectures_kernels or os.cpu_count() or 1)

    async def run(number, page):
        async with places:
            label = f"[{number}/{len(pages)}] {page.docname}"
            _progress(f"{label}: running")
            started = time.monotonic()
            outputs, failures = await run_page(app, page.path, page.text)
            taken = time.monotonic() - started
            _outputs[page.text] = outputs
            if not failures and _page(app, app.env, page.docname) != page:
                failures = [Failure(1, 1, "the page, or a file that it rests on, " + CHANGED)]
            if failures:
                _failed.add(str(page.path))
                _progress(f"{label}: FAILED after {taken:.1f} s")
            else:
                _progress(f"{label}: {taken:.1f} s")
                seconds[page.docname] = round(taken, 1)
                _write_whole(store / f"{page.key}.json", json.dumps({"outputs": outputs}))
                _write_whole(seconds_file, json.dumps(seconds))
            for failure in failures:
                logger.warning(
                    "code cell %d: %s",
                    failure.cell,
                    failure.message,
                    location=f"{page.path}:{failure.line}",
                    type="lectures",
                    subtype="execution",
                )

    await asyncio.gather(*(run(number, page) for number, page in enumerate(pages, 1)))


def _progress(text):
    """Long work shows how far it is, also where Sphinx is asked to be quiet."""
    print(text, flush=True)


def _write_whole(path, text):
    """Write a file so that no reader ever sees half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def setup(app):
    app.setup_extension("sphinx_lectures.dependencies")
    app.add_config_value("lectures_cell_timeout", 300, "", types=[int])
    app.add_config_value("lectures_kernels", 0, "", types=[int])
    app.add_config_value("lectures_kernel_environment", {}, "env", types=[dict])
    app.connect("builder-inited", _start)
    app.connect("env-before-read-docs", run_pages)
    app.connect("source-read", _unchanged)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
