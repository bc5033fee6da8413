"""TeX that LaTeX or Sphinx would set is set as they would, and not printed into the formula."""

import re

import pytest
from math_core import LatexError

from sphinx_lectures.text.mathml import to_mathml
from sphinx_lectures.text.tex import apart, plain


def rows(tex):
    """Text of the cells of each row of the one table in a formula."""
    mathml = to_mathml(tex, True)
    return [
        [re.sub("<[^>]*>", "", cell) for cell in re.findall("<mtd.*?</mtd>", row)]
        for row in re.findall("<mtr>.*?</mtr>", mathml)
    ]


@pytest.mark.parametrize("space", ["[4pt]", " [ -1.5ex ]", "[.2em]"])
@pytest.mark.parametrize("kind", ["bmatrix", "cases", "aligned"])
def test_a_space_between_rows_is_not_printed(kind, space):
    with_space = rf"\begin{{{kind}}} 1 & 2 \\{space} 3 & 4 \end{{{kind}}}"
    assert rows(with_space) == rows(with_space.replace(space, "")) != []


def test_a_bracket_that_begins_a_row_stays():
    assert rows(r"\begin{gathered} a \\ [0, 1] \end{gathered}") == [["a"], ["[0,1]"]]


def test_lines_outside_an_environment_stand_below_each_other():
    assert rows(r"x = 1 \\ y = 2") == [["x=1"], ["y=2"]]
    assert rows(r"x &= 1 \\ y &= 2") == [["x", "=1"], ["y", "=2"]]


def test_a_blank_line_ends_an_equation_but_not_a_row_of_an_environment():
    assert rows("a = b\n\nc = d") == [["a=b"], ["c=d"]]
    tex = "\\begin{aligned} a &= b \\\\\n\n &+ c \\end{aligned}"
    assert rows(tex) == [["a", "=b"], ["", "+c"]]


@pytest.mark.parametrize(
    ("tex", "same"),
    [
        (
            r"\begin{split} a &= b \cr &= c \end{split}",
            r"\begin{aligned} a &= b \\ &= c \end{aligned}",
        ),
        (r"\mbox{if } x", r"\text{if } x"),
        (r"\begin{equation} a \end{equation}", r"\begin{equation*} a \end{equation*}"),
        (r"\cramped{x} \crx", r"\cramped{x} \crx"),
    ],
)
def test_other_names_of_the_same(tex, same):
    assert plain(tex) == plain(same) == same


@pytest.mark.parametrize(
    ("tex", "strokes"),
    [
        (r"\boxed{b}", "box"),
        (r"\cancel{x}", "updiagonalstrike"),
        (r"\bcancel{x}", "downdiagonalstrike"),
        (r"\xcancel{x}", "updiagonalstrike downdiagonalstrike"),
    ],
)
def test_boxes_and_strokes_have_a_class_that_draws_them(tex, strokes):
    mathml = to_mathml(tex)
    assert f'<mrow class="{strokes}">' in mathml and "menclose>" not in mathml


def test_a_wide_space_sets_formulas_apart_only_outside_of_all_parts():
    assert apart(r"a \qquad b") == ["a ", " b"]
    for tex in (
        r"{a \qquad b}",
        r"\left( a \qquad b \right)",
        r"\begin{aligned} a \qquad b \end{aligned}",
    ):
        assert apart(tex) == [tex]


def test_a_colour_of_css_is_known_and_no_other_name_is():
    assert "#D3D3D3" in to_mathml(r"\color{LightGray}{x}")
    with pytest.raises(LatexError, match="Unknown color"):
        to_mathml(r"\color{Greenish}{x}")
