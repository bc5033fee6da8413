"""What is wrong fails the build every time, is located, and leaves the last good site alone."""

import shutil
import signal
import subprocess
import time

import pytest

FIGURE = """import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1]);"""
#: What the second cell of a page holds, and what must be said of it.
CODE = {
    "exception": ("x = 1\nx / 0", "17: code cell 2: raised ZeroDivisionError"),
    "syntax_error": ("def", "16: code cell 2: raised SyntaxError"),
    "warning": ('import warnings\nwarnings.warn("odd")', "16: code cell 2: wrote to stderr"),
    "time_out": ("import time\ntime.sleep(60)", "16: code cell 2: did not finish within 10 s"),
    "dead_process": ("os._exit(3)", "16: code cell 2: its Python process died"),
    "load": (":load: loaded.py", "1: the page cannot be read: path to notebook not supplied for"),
    "alternative": (FIGURE, "has no alternative text"),
    "glue": ('1 / 0\nfrom myst_nb import glue\nglue("n", 1)', "16: code cell 2: raised Zero"),
}
HEADER = "---\nfile_format: mystnb\nkernelspec: {name: python3, display_name: P}\n"
CELL = "# T\n\n```{code-cell} ipython3\nprint(1)\n```\n"
#: A page, and what must be said of it.
TEXT = {
    "reference": ("# T\n\nSee {ref}`nowhere`.", "3: undefined label: 'nowhere'"),
    "document": ("# T\n\nSee {doc}`nowhere`.", "3: unknown document: 'nowhere'"),
    "citation": ("# T\n\nSee {cite:t}`Nobody1999`.", '3: could not find bibtex key "Nobody1999"'),
    "directive": ("# T\n\n```{nonsense}\n```", "3: Unknown directive type: 'nonsense'"),
    "header": ("---\nkernelspec: {name: python3\n---\n# T\n", "1: the page cannot be read"),
    "format": (
        f"---\nkernelspec: {{name: python3, display_name: P}}\n---\n{CELL}",
        "1: there are cells, which do not run without `file_format: mystnb`",
    ),
    "kernel": (
        f"---\nfile_format: mystnb\nkernelspec: {{name: bash, display_name: B}}\n---\n{CELL}",
        "3: expected a Python kernel, got 'bash'",
    ),
    "mode": (
        f"{HEADER}mystnb: {{execution_mode: cache}}\n---\n{CELL}",
        "4: expected execution_mode \"off\" or none, got 'cache'",
    ),
    "limit": (
        f"{HEADER}mystnb: {{execution_timeout: 2}}\n---\n{CELL}",
        "4: `execution_timeout` is not offered",
    ),
}
WRONG = {**CODE, **TEXT}


@pytest.fixture(scope="module")
def failed(tmp_path_factory, make_site):
    """A built site, a page of which then goes wrong in each way; what two more builds say."""
    site = make_site(tmp_path_factory.mktemp("failures"))
    site.list_every_page()
    for name in WRONG:
        site.page(name)
    site.runs(*sorted(["a", "b", *WRONG]))
    before = site.published()
    for name, (code, _) in CODE.items():
        site.page(name, code)
    for name, (text, _) in TEXT.items():
        site.write(f"{name}.md", text)
    site.edit("glue.md", "Some prose.", "A number that is missing: {glue:text}`n:.1f`.")
    site.said = []
    for _ in range(2):
        code, said, _ = site.build()
        assert code != 0 and said.endswith("_build/html is untouched.\n"), said
        assert site.published() == before
        site.said.append(said)
    for name in WRONG:
        site.page(name)
    site.runs()
    assert site.published() == before
    return site


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_fails_with_page_line_and_cell_until_it_is_mended(failed, name):
    for said in failed.said:
        found = [line for line in said.splitlines() if f"/{name}.md:" in line and "WARN" in line]
        assert len(found) == 1, said
        assert WRONG[name][1] in found[0].replace("WARNING: ", "")


def test_bytes_that_are_no_utf_8_are_named_with_page_and_line(site):
    (site.folder / "b.md").write_bytes(f"{HEADER}---\n# Größe\n".encode("latin-1"))
    said = site.fails()
    assert "Traceback" not in said
    assert "b.md:5: expected UTF-8, got the byte 0xf6" in said


def test_an_interrupted_build_says_so_and_leaves_no_kernel(built):
    before = built.published()
    built.edit("a.md", "print(wave())", "import time\ntime.sleep(60)\nprint(wave())")
    process = built.start_and_wait_for_a_cell()
    assert built.kernels()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert said.endswith("Interrupted!\nThe build failed. _build/html is untouched.\n")
    assert not built.kernels()
    assert built.published() == before


def test_a_build_killed_while_cells_run_leaves_the_site_and_the_next_one_succeeds(built):
    before = built.published()
    built.edit("a.md", "print(wave())", "import time\ntime.sleep(5)\nprint(wave())")
    process = built.start_and_wait_for_a_cell()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert built.published() == before
    built.wait_until_no_kernel_is_left()
    built.edit("a.md", "time.sleep(5)", "time.sleep(0)")
    built.runs("a")


def test_a_build_killed_at_any_moment_leaves_a_whole_site_and_the_next_one_succeeds(built):
    started = time.monotonic()
    built.edit("a.md", "Some prose.", "Some prose, version 0.")
    built.runs()
    lasts = time.monotonic() - started
    for moment in range(1, 11):
        before = built.published()
        built.edit("a.md", f"version {moment - 1}.", f"version {moment}.")
        process = built.start()
        time.sleep(lasts * moment / 10)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        html = built.html("a") if built.published() != before else ""
        assert not html or f"version {moment}." in html
        assert built.published().keys() == before.keys()
    built.runs()
    edited = built.published()
    shutil.rmtree(built.folder / "_build")
    built.runs("a", "b")
    assert built.published() == edited


def test_a_full_disk_is_named_and_leaves_the_site(site):
    build = site.folder / "_build"
    build.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(build)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root on Linux can have a disk as small as this test needs")
    try:
        site.runs("a", "b")
        before = site.published()
        site.edit("a.md", "Some prose.", "Some better prose.")
        ballast = build / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(build).free - 2**16))
        said = site.fails()
        assert "Traceback" not in said
        full = f"The build failed: the disk of {build} is full. _build/html is untouched.\n"
        assert said.endswith(full)
        assert site.published() == before
        ballast.unlink()
        site.runs()
        assert "Some better prose." in site.html("a")
    finally:
        subprocess.run(["umount", str(build)], check=True)


def test_a_deleted_page_is_missed_once(built):
    (built.folder / "b.md").unlink()
    said = built.fails()
    assert said.count("WARNING") == 1
    assert "document 'b'" in said


def test_two_builds_at_once_both_succeed_and_the_pages_run_once(site):
    site.log.write_text("")
    first, second = site.start(), site.start()
    said = [process.communicate(timeout=600)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert sorted(site.log.read_text().split()) == ["a", "b"]
    assert any("Another build of this site is running" in text for text in said)


def test_it_builds_in_the_C_locale(site):
    site.edit("a.md", "Some prose.", "Ein schöner Satz: ∂L/∂h.")
    site.runs("a", "b", LC_ALL="C", LANG="C")
    assert "Ein schöner Satz: ∂L/∂h." in site.html("a")


def test_a_library_file_edited_while_a_page_runs_fails_the_build_and_keeps_no_outputs(built):
    edit = 'from pathlib import Path\nPath(os.environ["EDITED"]).write_text("UNIT = 7\\n")'
    built.edit("a.md", "from waves import wave", f"from waves import wave\n{edit}")
    edited = {"EDITED": str(built.folder / "src" / "base.py")}
    said = built.fails("a", **edited)
    assert "WARNING: src/base.py changed while the site was being built" in said
    built.runs("a", **edited)


def test_a_date_in_the_header_a_top_level_await_and_words_with_a_tag_are_no_mistakes(site):
    word = "import asyncio, sys\nawait asyncio.sleep(0)\nprint('a word', file=sys.stderr)"
    site.page("a", f":tags: [remove-stderr]\n\n{word}")
    site.page("b", f":tags: [allow-stderr]\n\n{word}")
    site.edit("b.md", "file_format", "date: 2024-01-01\nfile_format")
    site.runs("a", "b")
    assert ">a word" in site.html("b") and ">a word" not in site.html("a")


def test_a_rule_that_is_lifted_has_no_page_read_again(site):
    site.page("b", FIGURE)
    site.fails("a", "b")
    site.append("conf.py", 'suppress_warnings = ["lectures.alt"]\n')
    site.runs()
    doctree = site.folder / "_build/doctrees/b.doctree"
    read = doctree.stat().st_mtime_ns
    site.runs()
    assert doctree.stat().st_mtime_ns == read
