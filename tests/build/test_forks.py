"""Heavy packages are imported once a build, wherever that can be done and nothing is said."""

import asyncio
import json
import os
import signal

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from sphinx_lectures.execution import forked_kernel
from sphinx_lectures.execution.forked_kernel import ForkingClient, ForkServer

# Counts its imports, and keeps what it finds meanwhile, as TensorFlow does: stream and prompt.
HEAVY = """
import logging, os, sys
import matplotlib.pyplot

with open(os.environ["IMPORTS"], "a") as imports:
    print("imported", file=imports)
log = logging.getLogger("heavy")
log.addHandler(logging.StreamHandler(sys.stdout if hasattr(sys, "ps1") else sys.stderr))
"""
CODE = """:mystnb: {image: {alt: "A line."}}

import heavy, sys
print(os.getcwd(), os.read(0, 1), __name__, sys.argv[0], sys.path, sorted(os.environ))
heavy.log.warning("A logger says something.")
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1]);"""
needs_forks = pytest.mark.skipif(not forked_kernel.possible(), reason="no forks here")


@pytest.fixture
def heavy(site):
    """A site whose pages both import a heavy package, which is to be imported once."""
    site.imports = site.folder.with_name("imports")
    site.environment |= {"IMPORTS": str(site.imports), "SOURCE_DATE_EPOCH": "0"}
    site.edit("conf.py", "lectures_cell", 'lectures_import_once = ["heavy"]\nlectures_cell')
    site.write("matplotlibrc", "lines.linewidth: 5\nsvg.hashsalt: same\n")
    site.write("src/heavy.py", HEAVY)
    for name in "ab":
        site.page(name, CODE)
    return site


def outputs(site):
    """What came out of the pages, and how often the heavy package was imported for them."""
    site.imports.write_text("")
    code, said, runs = site.build()
    assert (code, runs) == (0, ["a", "b"]), said
    kept = (site.folder / "_build" / "outputs").glob("*.json")
    found = {path.name: json.loads(path.read_text()) for path in kept if path.name != "times.json"}
    return found, len(site.imports.read_text().split())


@needs_forks
def test_forked_kernels_say_after_one_import_what_ordinary_ones_say(heavy):
    forked, imports = outputs(heavy)
    assert imports == 1
    (heavy.folder / "_build").rename(heavy.folder.with_name("forked"))
    heavy.edit("conf.py", '["heavy"]', "[]")
    ordinary, imports = outputs(heavy)
    assert imports == 2
    assert forked == ordinary
    assert "A logger says something." in str(forked)
    assert "stroke-width: 5" in str(forked)


def test_a_package_that_says_something_is_imported_by_each_page_and_fails_it(heavy):
    heavy.edit("src/heavy.py", "import matplotlib.pyplot", 'print("Heavy!", file=sys.stderr)')
    code, said, runs = heavy.build()
    assert (code != 0, runs) == (True, ["a", "b"])
    for page in "ab":
        assert f"{page}.md:18: WARNING: code cell 2: wrote to stderr:\nHeavy!" in said


@needs_forks
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_build_leaves_no_forked_kernel(heavy, blow):
    heavy.edit("a.md", "ax.plot", "import time\ntime.sleep(60)\nax.plot")
    process = heavy.start_and_wait_for_a_cell()
    assert len(heavy.kernels()) >= 2  # one process and what is forked from it
    process.send_signal(blow)
    said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said
    heavy.wait_until_no_kernel_is_left()


@needs_forks
def test_a_forked_kernel_that_dies_fails_its_page_only(heavy):
    heavy.edit("a.md", "ax.plot", "os._exit(3)\nax.plot")
    code, said, runs = heavy.build()
    assert (code != 0, runs) == (True, ["a", "b"])
    assert "a.md:18: WARNING: code cell 2: its Python process died" in said
    assert "b.md" not in said
    assert heavy.kernels() == []


def run_a_cell(folder, spoil):
    """Whether forks were possible, and what a cell says after `spoil` has been at the server."""

    async def run():
        server = ForkServer(["json"], folder, dict(os.environ))
        try:
            await server.start()
            ready = server.ready
            spoil(server)
            notebook = new_notebook(cells=[new_code_cell("import sys\n'json' in sys.modules")])
            client = ForkingClient(notebook, server=server, kernel_name="python3")
            await client.async_execute(env=dict(os.environ), cwd=folder)
        finally:
            server.close()
        return ready, notebook.cells[0].outputs[0].data["text/plain"]

    return asyncio.run(run())


def test_where_forks_are_not_possible_an_ordinary_kernel_starts(monkeypatch, tmp_path):
    monkeypatch.setattr(forked_kernel, "possible", lambda: False)
    assert run_a_cell(tmp_path, lambda server: None) == (False, "True")


@needs_forks
def test_if_the_process_dies_an_ordinary_kernel_starts(tmp_path):
    def kill(server):
        server.process.kill()
        server.process.wait()

    assert run_a_cell(tmp_path, kill) == (True, "True")
