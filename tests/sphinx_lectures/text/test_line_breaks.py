"""Lines end where they may."""

import re

import pytest

from sphinx_lectures.text.line_breaks import glue
from sphinx_lectures.text.mathml import to_mathml


@pytest.mark.parametrize(
    ("before", "after"),
    [("one ", ". The"), ("“", "” and"), ("(", ")).\n"), ("the ", "-th entry"), ("[", "]")],
)
def test_formula_in_the_text_keeps_its_marks(before, after):
    formula = to_mathml("W_{hh}")
    marks = [re.search(r"\S*$", before)[0], re.match(r"[^\s\w]*", after)[0]]
    glued = f'<span class="glued">{marks[0]}{formula}{marks[1]}</span>'
    assert glue(before + formula + after) == (
        before[: len(before) - len(marks[0])] + glued + after[len(marks[1]) :]
    )


def test_formula_without_marks_and_one_on_a_line_of_its_own_stay():
    for html in (f"so {to_mathml('x')} is", f"<div>{to_mathml('x', display=True)}.</div>"):
        assert glue(html) == html
