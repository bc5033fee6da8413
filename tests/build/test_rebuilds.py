"""A page runs again exactly when something that its results rest on has changed."""

import pytest

FIGURE = """---
mystnb:
  image: {alt: A line}
  figure: {caption: What is seen}
---
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1]);"""
#: Edits: of a file, what stands there and what then does, the pages that run, what a page shows.
EDITS = [
    ("a.md", "Some prose.", "Some better prose.", [], "Some better prose."),
    ("a.md", "\nfrom waves", "\n:tags: [hide-input]\n\nfrom waves", [], "tag_hide-input"),
    ("a.md", "\nfrom waves", "\n:tags: [skip-execution]\n\nfrom waves", ["a"], "skip-execution"),
    ("a.md", "print(wave())", "print(wave() + 100)", ["a"], "142"),
    ("src/base.py", "UNIT = 1", "UNIT = 2", ["a"], "43"),
    ("figure.md", "A line", "A rising line", [], 'aria-label="A rising line"'),
    ("figure.md", "What is seen", "What is really seen", [], "What is really seen"),
    ("matplotlibrc", "2", "3", ["a", "b", "figure"], ""),
    ("requirements.lock", "1", "2", ["a", "b", "figure"], ""),
]


def test_an_edit_shows_and_runs_the_pages_that_rest_on_it_and_undoing_it_runs_nothing(built):
    built.page("figure", FIGURE)
    built.edit("index.md", "b\n", "b\nfigure\n")
    built.runs("figure")
    for file, old, new, pages, shown in EDITS:
        page = "figure" if file == "figure.md" else "a"
        built.edit(file, old, new)
        built.runs(*pages)
        assert shown in built.html(page), new
        built.edit(file, new, old)
        built.runs()
        assert not shown or shown not in built.html(page), new


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_command_reads_is_asked_of_the_page(built, tmp_path_factory, elsewhere):
    folder = tmp_path_factory.mktemp("elsewhere") if elsewhere else built.folder
    file, name = folder / "read.txt", folder / "read.txt" if elsewhere else "read.txt"
    file.write_text("1 2 3\n")
    built.page("b", f"!cat {name}")
    assert "b starts a program" in built.runs("b")
    built.edit("b.md", "file_format: mystnb", f"file_format: mystnb\ndepends: [{name}]")
    assert "starts a program" not in built.runs("b")
    file.write_text("4 5 6\n")
    built.runs("b")
    assert "4 5 6" in built.html("b")


def test_pages_with_the_same_text_in_two_folders_have_outputs_of_their_own(built):
    built.write("two/b.md", (built.folder / "b.md").read_text())
    built.write("two/numbers.txt", "7 8 9\n")
    built.edit("index.md", "b\n", "b\ntwo/b\n")
    built.runs("b")
    assert "1 2 3" in built.html("b")
    assert "7 8 9" in built.html("two/b")


def test_a_page_that_is_to_rest_and_one_with_no_cell_start_no_kernel(built):
    built.write("a.md", "---\nfile_format: mystnb\n---\n# Page a\n")
    built.page("b", "never defined")
    built.edit("b.md", "kernelspec", 'mystnb: {execution_mode: "off"}\nkernelspec')
    assert "running" not in built.runs()
    assert "never" in built.html("b")
    assert "cell_output" not in built.html("b")
