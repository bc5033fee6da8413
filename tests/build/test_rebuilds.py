"""A page runs again exactly when something that its results rest on has changed."""

FIGURE = """---
mystnb:
  image: {alt: A line}
  figure: {caption: What is seen}
---
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1]);"""


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


def test_an_edited_data_file_runs_the_page_that_names_it(built):
    built.write("numbers.txt", "4 5 6\n")
    assert built.build()[::2] == (0, ["b"])
    assert "4 5 6" in built.html("b")


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
