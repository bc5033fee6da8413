"""A page runs again exactly when something that its results rest on has changed."""

FIGURE = """---
mystnb:
  image: {alt: A line}
  figure: {caption: What is seen}
---
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1]);"""
MAKES_A_FILE = """from pathlib import Path
Path("made.txt").write_text("hello")
print(Path("made.txt").read_text())"""


def test_a_second_build_runs_nothing_and_publishes_the_same(built):
    before = built.published()
    code, _, runs = built.build()
    assert (code, runs) == (0, [])
    assert built.published() == before


def test_an_edited_sentence_runs_nothing_but_shows(built):
    built.edit("a.md", "Some prose.", "Some better prose.")
    code, _, runs = built.build()
    assert (code, runs) == (0, [])
    assert "Some better prose." in built.html("a")
    assert "42" in built.html("a")


def test_a_tag_runs_nothing(built):
    built.edit("b.md", "\nprint(open", "\n:tags: [hide-input]\n\nprint(open")
    assert built.build()[::2] == (0, [])


def test_a_caption_and_an_alternative_text_run_nothing_but_show(built):
    built.page("b", FIGURE)
    assert built.build()[::2] == (0, ["b"])
    built.edit("b.md", "A line", "A rising line")
    built.edit("b.md", "What is seen", "What is really seen")
    assert built.build()[::2] == (0, [])
    assert 'aria-label="A rising line"' in built.html("b")
    assert "What is really seen" in built.html("b")


def test_an_edited_cell_runs_its_page_only_and_reverting_runs_nothing(built):
    built.edit("a.md", "print(wave())", "print(wave() + 100)")
    assert built.build()[::2] == (0, ["a"])
    assert "142" in built.html("a")
    built.edit("a.md", "print(wave() + 100)", "print(wave())")
    assert built.build()[::2] == (0, [])
    assert "142" not in built.html("a")


def test_an_edited_library_file_runs_the_pages_that_reach_it(built):
    built.edit("src/base.py", "UNIT = 1", "UNIT = 2")
    assert built.build()[::2] == (0, ["a"])
    assert "43" in built.html("a")
    built.edit("src/base.py", "UNIT = 2", "UNIT = 1")
    assert built.build()[::2] == (0, [])
    assert "42" in built.html("a")


def test_what_a_command_reads_is_asked_of_the_page(built):
    built.page("b", "!cat numbers.txt")
    code, said, runs = built.build()
    assert (code, runs) == (0, ["b"]) and "b starts a program" in said
    built.edit("b.md", "file_format: mystnb", "file_format: mystnb\ndepends: [numbers.txt]")
    code, said, runs = built.build()
    assert (code, runs) == (0, ["b"]) and "starts a program" not in said
    built.write("numbers.txt", "4 5 6\n")
    assert built.build()[::2] == (0, ["b"])
    assert "4 5 6" in built.html("b")


def test_an_edited_file_outside_the_site_runs_the_page_that_names_it(built):
    outside = built.folder.with_name("outside.txt")
    outside.write_text("one")
    built.page("b", f"print(open({str(outside)!r}).read())")
    code, said, runs = built.build()
    assert (code, runs) == (0, ["b"]), said
    assert built.build()[::2] == (0, [])
    outside.write_text("another")
    assert built.build()[::2] == (0, ["b"])
    assert "another" in built.html("b")


def test_a_page_does_not_rest_on_the_file_that_it_makes(built):
    built.page("b", MAKES_A_FILE)
    code, said, runs = built.build()
    assert (code, runs) == (0, ["b"]), said
    assert built.build()[::2] == (0, [])
    built.edit("b.md", "hello", "good day")
    code, said, runs = built.build()
    assert (code, runs) == (0, ["b"]), said
    assert "good day" in built.html("b")
    assert built.build()[::2] == (0, [])


def test_a_made_file_that_is_edited_runs_its_page(built):
    built.page("b", MAKES_A_FILE.replace("Path(", 'Path("made.txt").exists() or Path(', 1))
    assert built.build()[::2] == (0, ["b"])
    built.write("made.txt", "by hand")
    assert built.build()[::2] == (0, ["b"])
    assert "by hand" in built.html("b")


def test_loaded_code_is_that_of_the_cell_and_runs_it_again_when_edited(built):
    built.write("loaded.py", "from waves import wave\nprint(wave() + 1000)\n")
    built.page("b", ":load: loaded.py")
    code, said, runs = built.build()
    assert (code, runs) == (0, ["b"]), said
    assert "1042" in built.html("b")
    assert "1000" in built.html("b")
    built.edit("loaded.py", "1000", "2000")
    assert built.build()[::2] == (0, ["b"])
    built.edit("src/base.py", "UNIT = 1", "UNIT = 2")
    assert built.build()[::2] == (0, ["a", "b"])
    assert "2043" in built.html("b")


def test_pages_with_the_same_text_in_two_folders_have_outputs_of_their_own(built):
    built.page("b", 'print(open("numbers.txt").read())')
    built.write("two/b.md", (built.folder / "b.md").read_text())
    built.write("two/numbers.txt", "7 8 9\n")
    built.edit("index.md", "b\n", "b\ntwo/b\n")
    code, said, _ = built.build()
    assert code == 0, said
    assert "1 2 3" in built.html("b")
    assert "7 8 9" in built.html("two/b")


def test_a_page_that_is_to_rest_shows_its_cells_and_is_not_run(built):
    built.page("b", "never defined")
    built.edit("b.md", "kernelspec", 'mystnb: {execution_mode: "off"}\nkernelspec')
    code, said, runs = built.build()
    assert (code, runs) == (0, []), said
    assert "never" in built.html("b")
    assert "cell_output" not in built.html("b")


def test_a_page_with_no_code_cell_starts_no_kernel(built):
    built.write("b.md", "---\nfile_format: mystnb\n---\n# Page b\n")
    code, said, _ = built.build()
    assert code == 0, said
    assert "running" not in said


def test_figure_style_and_locked_versions_run_every_page(built):
    built.write("matplotlibrc", "lines.linewidth: 3\n")
    assert built.build()[::2] == (0, ["a", "b"])
    built.write("requirements.lock", "numpy==2\n")
    assert built.build()[::2] == (0, ["a", "b"])


def test_a_removed_page_leaves_the_site(built):
    (built.folder / "b.md").unlink()
    built.edit("index.md", "b\n", "")
    code, said, _ = built.build()
    assert code == 0, said
    assert "b.html" not in built.published()


def test_two_clean_builds_are_identical(built):
    first = built.published()
    build = built.folder / "_build"
    build.rename(built.folder.with_name("first build"))
    assert built.build()[::2] == (0, ["a", "b"])
    assert built.published() == first
