"""What is wrong fails the build every time, is located, and leaves the last good site alone."""

import re
import shutil
import signal
import subprocess
import time

import pytest

FIGURE = """import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1]);"""
# What is wrong, where it goes, what must be said. Line 16 is the first line of the page's 2nd cell.
WRONG_CODE = {
    "exception": ("x = 1\nx / 0", "a.md:17:", "cell 2: raised ZeroDivisionError"),
    "syntax error": ("def", "a.md:16:", "cell 2: raised SyntaxError"),
    "warning": ('import warnings\nwarnings.warn("odd")', "a.md:16:", "cell 2: wrote to stderr"),
    "time-out": ("import time\ntime.sleep(60)", "a.md:16:", "cell 2: did not finish within 2 s"),
    "dead process": ("os._exit(3)", "a.md:16:", "cell 2: its Python process died"),
    "no alternative text": (FIGURE, "a.md:", "alt"),
}
WRONG_TEXT = {
    "unknown reference": ("See {ref}`nowhere`.", "a.md:7:", "nowhere"),
    "unknown page": ("See {doc}`nowhere`.", "a.md:7:", "nowhere"),
    "unknown citation": ("See {cite:t}`Nobody1999`.", "a.md:7:", "Nobody1999"),
    "unknown directive": ("```{nonsense}\n```", "a.md:7:", "nonsense"),
}


def fails_until_mended(site, mend, *words):
    before = site.published()
    for _ in range(2):
        code, said, _ = site.build()
        assert code != 0, said
        for word in words:
            assert word in said
        assert "_build/html is untouched" in said
        assert site.published() == before
    mend()
    code, said, _ = site.build()
    assert code == 0, said
    assert site.published() == before


@pytest.mark.parametrize("kind", WRONG_CODE)
def test_wrong_code_fails_with_page_line_and_cell_until_it_is_mended(built, kind):
    code, *words = WRONG_CODE[kind]
    if kind == "time-out":
        built.edit("conf.py", "lectures_cell_timeout = 10", "lectures_cell_timeout = 2")
    good = (built.folder / "a.md").read_text()
    built.page("a", code)
    fails_until_mended(built, lambda: built.write("a.md", good), *words)


@pytest.mark.parametrize("kind", WRONG_TEXT)
def test_wrong_text_fails_with_page_and_line_until_it_is_mended(built, kind):
    text, *words = WRONG_TEXT[kind]
    built.edit("a.md", "Some prose.", text)
    fails_until_mended(built, lambda: built.edit("a.md", text, "Some prose."), *words)


def test_loaded_code_that_is_missing_fails_with_page_and_line_until_it_is_mended(built):
    good = (built.folder / "a.md").read_text()
    built.page("a", ":load: loaded.py")
    words = ("a.md:16:", "code cell 2: found no file 'loaded.py' to load")
    fails_until_mended(built, lambda: built.write("a.md", good), *words)


def test_wrong_loaded_code_fails_with_the_line_of_its_cell(built):
    built.write("loaded.py", "x = 1\n\n\nx / 0\n")
    built.page("a", ":load: loaded.py")
    code, said, _ = built.build()
    assert code != 0
    assert "a.md:16: WARNING: code cell 2: raised ZeroDivisionError" in said


def test_a_kernel_that_is_not_python_fails_with_its_line_until_it_is_mended(built):
    built.edit("a.md", "{name: python3, display_name: Python 3}", "{name: bash}")
    words = ("a.md:3:", "expected a Python kernel, got 'bash'")
    mend = "{name: python3, display_name: Python 3}"
    fails_until_mended(built, lambda: built.edit("a.md", "{name: bash}", mend), *words)


def test_all_failing_pages_are_listed_in_one_run(built):
    built.page("a", "1 / 0")
    built.page("b", "undefined_name")
    code, said, _ = built.build()
    assert code != 0
    assert "a.md:16:" in said
    assert "b.md:16:" in said


def test_a_build_killed_while_cells_run_leaves_the_site_and_the_next_one_succeeds(built):
    before = built.published()
    built.edit("a.md", "print(wave())", "import time\ntime.sleep(5)\nprint(wave())")
    process = built.start_and_wait_for_a_cell()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert built.published() == before
    built.wait_until_no_kernel_is_left()
    built.edit("a.md", "time.sleep(5)", "time.sleep(0)")
    code, said, _ = built.build()
    assert code == 0, said


def test_a_build_killed_at_any_moment_leaves_a_whole_site_and_the_next_one_succeeds(built):
    started = time.monotonic()
    built.edit("a.md", "Some prose.", "Some prose, version 0.")
    assert built.build()[0] == 0
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
    code, said, _ = built.build()
    assert code == 0, said
    edited = built.published()
    shutil.rmtree(built.folder / "_build")
    assert built.build()[0] == 0
    assert built.published() == edited


def test_a_full_disk_is_named_and_leaves_the_site(site):
    build = site.folder / "_build"
    build.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(build)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root on Linux can have a disk as small as this test needs")
    try:
        code, said, _ = site.build()
        assert code == 0, said
        before = site.published()
        site.edit("a.md", "Some prose.", "Some better prose.")
        ballast = build / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(build).free - 2**16))
        code, said, _ = site.build()
        assert code != 0
        assert "Traceback" not in said
        full = f"The build failed: the disk of {build} is full. _build/html is untouched.\n"
        assert said.endswith(full)
        assert site.published() == before
        ballast.unlink()
        code, said, _ = site.build()
        assert code == 0, said
        assert "Some better prose." in site.html("a")
    finally:
        subprocess.run(["umount", str(build)], check=True)


def test_a_deleted_page_is_missed_once(built):
    (built.folder / "b.md").unlink()
    code, said, _ = built.build()
    assert code != 0
    assert said.count("WARNING") == 1
    assert "document 'b'" in said


def test_two_builds_at_once_both_succeed_and_the_pages_run_once(site):
    site.runs.write_text("")
    first, second = site.start(), site.start()
    said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert sorted(site.runs.read_text().split()) == ["a", "b"]
    assert any("Another build of this site is running" in text for text in said)


def test_it_builds_in_the_C_locale(site):
    site.edit("a.md", "Some prose.", "Ein schöner Satz: ∂L/∂h.")
    code, said, _ = site.build(LC_ALL="C", LANG="C")
    assert code == 0, said
    assert "Ein schöner Satz: ∂L/∂h." in site.html("a")


def test_a_failing_page_is_reported_without_what_follows_from_it(built):
    built.edit("a.md", "Some prose.", "A number: {glue:text}`number:.1f`.")
    built.edit(
        "a.md",
        "from waves import wave",
        'from myst_nb import glue\n1 / 0\nglue("number", 1.0)\nfrom waves import wave',
    )
    code, said, _ = built.build()
    assert code != 0
    assert "ZeroDivisionError" in said
    assert "number" not in said.replace('glue("number", 1.0)', "")


def test_a_library_file_edited_while_a_page_runs_fails_the_build_and_keeps_no_outputs(built):
    edit = 'from pathlib import Path\nPath(os.environ["EDITED"]).write_text("UNIT = 7\\n")'
    built.edit("a.md", "from waves import wave", f"from waves import wave\n{edit}")
    code, said, _ = built.build(EDITED=str(built.folder / "src" / "base.py"))
    assert code != 0
    assert "WARNING: src/base.py changed while the site was being built" in said
    code, said, runs = built.build(EDITED=str(built.folder / "src" / "base.py"))
    assert (code, runs) == (0, ["a"]), said


HEADER = "---\nfile_format: mystnb\nkernelspec: {name: python3, display_name: P}\n"
CELL = "# T\n\n```{code-cell} ipython3\nprint(1)\n```\n"
UNREADABLE = {
    "broken header": ("---\nkernelspec: {name: python3\n---\n# T\n", "b.md:1", "cannot be read"),
    "no format": (
        f"---\nkernelspec: {{name: python3, display_name: P}}\n---\n{CELL}",
        "b.md:1",
        "without `file_format: mystnb`",
    ),
    "not UTF-8": (f"{HEADER}---\n# Größe\n", "b.md:5", "expected UTF-8, got the byte 0xf6"),
    "cache": (
        f"{HEADER}mystnb: {{execution_mode: cache}}\n---\n{CELL}",
        "b.md:4",
        "expected execution_mode \"off\" or none, got 'cache'",
    ),
    "time": (
        f"{HEADER}mystnb: {{execution_timeout: 2}}\n---\n{CELL}",
        "b.md:4",
        "`execution_timeout` is not offered",
    ),
}


@pytest.mark.parametrize(("text", "place", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_page_that_cannot_be_read_is_named_with_line_and_words(site, text, place, words):
    encoding = "latin-1" if "0xf6" in words else "utf-8"
    (site.folder / "b.md").write_bytes(text.encode(encoding))
    code, said, _ = site.build()
    assert code and "Traceback" not in said, said
    assert re.search(rf"{re.escape(place)}: .*{re.escape(words)}", said), said


def test_a_date_in_the_header_and_a_top_level_await_are_read(site):
    code = "import asyncio\nawait asyncio.sleep(0)\nprint(6 * 7)"
    text = f"{HEADER}date: 2024-01-01\n---\n{CELL}".replace("print(1)", code)
    site.write("b.md", text)
    status, said, _ = site.build()
    assert status == 0, said
    assert "42" in site.html("b")


@pytest.mark.parametrize(("tag", "shown"), [("remove-stderr", False), ("allow-stderr", True)])
def test_a_tag_allows_words_on_stderr(site, tag, shown):
    code = f":tags: [{tag}]\n\nimport sys\nprint('a word', file=sys.stderr)"
    site.page("b", code)
    status, said, _ = site.build()
    assert status == 0, said
    assert (">a word" in site.html("b")) == shown


def test_a_rule_that_is_lifted_has_no_page_read_again(site):
    site.page("b", FIGURE)
    assert site.build()[0]
    conf = (site.folder / "conf.py").read_text()
    site.write("conf.py", f'{conf}\nsuppress_warnings = ["lectures.alt"]\n')
    code, said, _ = site.build()
    assert code == 0, said
    doctree = site.folder / "_build/doctrees/b.doctree"
    read = doctree.stat().st_mtime_ns
    assert site.build()[::2] == (0, [])
    assert doctree.stat().st_mtime_ns == read
