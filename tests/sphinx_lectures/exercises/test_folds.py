"""A solution is one fold with its code and figures; what stands outside of it fails the build."""

import pytest
import tiny_site

HEAD = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---
# Page

## Exercises

"""
EXERCISE = """````{admonition} Exercise 1: add (code)
:class: exercise
What is 1 + 1?
````

"""
SOLUTION = """````{admonition} Solution
:class: solution
:collapsible: closed
It is this:
````

"""
PRINTS = """```{code-cell} ipython3
:tags: [hide-input]
print("the sum is", 1 + 1)
```

"""
DRAWS = """```{code-cell} ipython3
---
mystnb:
  image: {alt: "A line."}
  figure: {name: fig-line, caption: "Two points."}
---
import matplotlib.pyplot as plt

plt.plot([1, 2]);
```

"""
HIDDEN = """```{code-cell} ipython3
:tags: [remove-cell]
assert True
```

"""
UNMET = """```{code-cell} ipython3
:tags: [finding]
assert 1 > 2, "the solution says that 1 is more than 2"
```

"""
EXTENSIONS = ["myst_nb", *(f"sphinx_lectures.{x}" for x in ("execution", "exercises", "figures"))]


@pytest.fixture
def build(tmp_path):
    """Build a page of some parts: as it was parsed, and what was warned of."""

    def build(*parts):
        tiny_site.write(tmp_path, {"index.md": HEAD + "".join(parts)})
        out, said = tiny_site.build(tmp_path, EXTENSIONS, numfig=True)
        return tiny_site.page(out), said

    return build


def test_code_output_and_figure_are_in_the_fold_of_their_solution(build):
    page, warnings = build(EXERCISE, SOLUTION, PRINTS, HIDDEN, DRAWS, EXERCISE, SOLUTION)
    assert warnings == ""
    first, second = page.select("details.solution")
    assert not first.has_attr("open")
    assert "the sum is 2" in first.get_text() and first.select_one("figure#fig-line svg")
    assert first.select("pre") == page.select("pre") and not second.select("pre, svg")


def test_one_click_opens_all_of_it(build):
    page, _ = build(EXERCISE, SOLUTION, PRINTS.replace("hide-input", "hide-cell"), PRINTS)
    assert not page.select("details details")
    assert page.get_text().count("the sum is 2") == 2


def test_a_solution_is_folded_even_if_it_does_not_say_so(build):
    page, _ = build(EXERCISE, SOLUTION.replace(":collapsible: closed\n", ""))
    assert page.select_one("details.solution:not([open])")


def test_a_finding_that_does_not_hold_is_told_in_the_solution(build, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    page, warnings = build(EXERCISE, SOLUTION, PRINTS, UNMET, PRINTS)
    assert warnings == ""
    assert "1 is more than 2" in page.select_one("details.solution").get_text()
    assert page.select("details.solution .cell") == page.select(".cell")


def test_a_cell_that_gives_a_solution_away_fails_with_page_and_line(build):
    parts = EXERCISE, SOLUTION, PRINTS, "And the code:\n\n", PRINTS
    _, warnings = build(*parts)
    line = len((HEAD + "".join(parts[:-1])).splitlines()) + 2  # the first one inside the cell
    assert warnings.count("WARNING") == 1
    assert f"index.md:{line}: WARNING: the cell stands outside the solution above" in warnings


@pytest.mark.parametrize("between", ["### More\n\n", "Another.\n\n" + EXERCISE])
def test_cells_below_a_heading_or_the_next_exercise_are_no_leak(build, between):
    page, warnings = build(EXERCISE, SOLUTION, between, PRINTS)
    assert warnings == "" and not page.select("details.solution pre")


def test_an_exercise_has_an_address_and_says_so(build):
    named = EXERCISE.replace(":class:", ":name: add\n:class:").replace("Exercise 1", "Exercise 2")
    page, _ = build(EXERCISE, SOLUTION, named)
    first, second = page.select(".admonition.exercise")
    assert first["id"] == "exercise-1" and second["id"] == "add"
    assert first.select_one("p.admonition-title > a.headerlink")["href"] == "#exercise-1"
    assert second.select_one("p.admonition-title > a.headerlink")["href"] == "#add"


def test_prose_that_names_an_exercise_of_the_page_links_to_it(build):
    prose = "The sum is 2 (exercise 1, not exercise 2; see `exercise 1`).\n\n"
    page, warnings = build(prose, EXERCISE, SOLUTION)
    (link,) = page.select("p a.reference.internal:not(.headerlink)")
    assert warnings == "" and (link["href"], link.get_text()) == ("#exercise-1", "exercise 1")
    assert "(exercise 1, not exercise 2; see exercise 1)" in page.get_text()


def test_an_address_that_is_taken_stays_with_its_owner(build):
    page, _ = build(EXERCISE, SOLUTION, EXERCISE)
    assert len(page.select("#exercise-1")) == 1
