"""Lines end where they may."""

import re

import pytest

from sphinx_lectures.text.line_breaks import glue
from sphinx_lectures.text.mathml import to_mathml


@pytest.mark.parametrize("text", ["one {F.} The", "{“F”} and", "{(F)).}\n", "the {F-}th", "{[F]}"])
def test_formula_in_the_text_keeps_its_marks(text):
    html = text.replace("F", to_mathml("W_{hh}"))
    glued = html.replace("{", '<span class="glued">').replace("}", "</span>")
    assert glue(re.sub("[{}]", "", html)) == glued


def test_formula_without_marks_and_one_on_a_line_of_its_own_stay():
    for html in (f"so {to_mathml('x')} is", f"<div>{to_mathml('x', display=True)}.</div>"):
        assert glue(html) == html
