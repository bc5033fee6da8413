"""Formulas become MathML, and a mistake in one is reported with its page and line."""

import re
from xml.etree import ElementTree

import pytest
import tiny_site
from math_core import LatexError

from sphinx_lectures.text.mathml import to_mathml

FORMULAS = [
    r"h_t = \tanh(x_t W_{xh} + h_{t-1} W_{hh} + b_h)",
    r"\frac{\partial L}{\partial h_t} = \prod_{k=t+1}^{T} \frac{\partial h_k}{\partial h_{k-1}}",
    r"\sum_{t=1}^{T} L_t, \quad \max_i, \quad \lim_{n \to \infty}",
    r"\begin{pmatrix} .5 & 5 \\ 0 & .5 \end{pmatrix}, \begin{bmatrix} a \\ b \end{bmatrix}",
    r"\begin{cases} 1 & \text{if } \bar{x} > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\begin{aligned} a &= b + c \\ &= d \end{aligned}",
    r"\mathbf{h}_t, \boldsymbol{\theta}, \boldsymbol{W}, \mathbf{x}^\top, \mathcal{L}, \mathbb{R}",
    r"\hat{y}_t, \bar{h}, \tilde{c}_t, \dot{x}, \overline{AB}, \widehat{xy}",
    r"\underbrace{W_{hh}^\top \operatorname{diag}(\phi'(z_t))}_{J_t}",
    r"\left\lVert \frac{\partial L}{\partial h_t} \right\rVert_2 \le \bigl\lVert J \bigr\rVert_2",
    r"\mathrm{diag}(1 - h_t^2) \odot x, \quad \sqrt{1 + \lambda^2}, \quad \sqrt[3]{x}",
    r"a \le b \ll c \approx d \propto e \sim f \ne g \equiv h \in \{1, \dots, T\}",
]


@pytest.mark.parametrize("tex", FORMULAS)
@pytest.mark.parametrize("display", [False, True])
def test_formula_is_well_formed_mathml(tex, display):
    root = ElementTree.fromstring(to_mathml(tex, display).replace("&ApplyFunction;", ""))
    assert root.tag == "math"
    assert root.get("display") == ("block" if display else None)
    assert "merror" not in {element.tag for element in root.iter()}


@pytest.mark.parametrize(
    ("tex", "message"),
    [
        (r"\frac{1", "Expected closing token"),
        (r"\unheardof", r"unheardof"),
        (r"a & b", "table-like"),
        (r"\begin{alignat}{2} a \end{alignat}", "alignat"),
    ],
)
def test_wrong_tex_raises_and_says_why(tex, message):
    with pytest.raises(LatexError, match=message):
        to_mathml(tex)


def test_prime_is_marked_so_that_it_can_be_lowered():
    assert '<mo class="prime">′</mo>' in to_mathml("f'(x)")


def test_sized_delimiter_with_an_index_stands_in_a_row():
    mathml = to_mathml(r"\bigl( x \bigr)_2")
    assert re.search(r"<msub><mrow><mo [^>]*>\)</mo></mrow><mn>2</mn></msub>", mathml)


@pytest.fixture
def build(tmp_path):
    """Build a site of one page with the extension; its HTML, and what was warned of."""

    def build(text, **settings):
        tiny_site.write(tmp_path, {"index.md": text})
        settings = {"myst_enable_extensions": ["dollarmath"], **settings}
        extensions = ["myst_parser", "sphinx_lectures.text"]
        out, said = tiny_site.build(tmp_path, extensions, **settings)
        return (out / "index.html").read_text(encoding="utf-8"), said

    return build


def test_labelled_equation_has_a_number_an_anchor_and_references(build):
    html, warnings = build(
        "# Page\n\n$$ a = b $$ (eq-one)\n\n$$ c = d $$ (eq-two)\n\nSee {eq}`eq-two`."
    )
    assert warnings == ""
    assert 'class="equation" id="equation-eq-two"' in html
    assert '<span class="eqno">(2)' in html
    assert re.search(r'href="#equation-eq-two">\(2\)</a>', html)


def test_lines_of_an_environment_have_the_one_number_of_the_formula(build):
    align = "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}\n"
    extensions = ["amsmath", "dollarmath"]
    html, warnings = build(f"# Page\n\n{align}", myst_enable_extensions=extensions)
    assert warnings == ""
    assert re.findall(r"\((\d+)\)", re.sub("<[^>]*>", "", html)) == ["1"]


def test_no_formula_asks_for_mathjax(build):
    html, _ = build("# Page\n\nInline $x^2$ and displayed\n\n$$ y $$\n")
    assert html.count("<math") == 2
    assert not re.search("<script[^>]*mathjax", html, re.IGNORECASE)


def test_macros_come_from_the_settings(build):
    html, warnings = build("# Page\n\n$\\loss$", mathml_macros={"loss": r"\mathcal{L}"})
    assert warnings == ""
    assert to_mathml(r"\mathcal{L}") in html


@pytest.mark.parametrize("tex", ["Some text with $\\frac{1$ in it.", "$$\n\\frac{1\n$$"])
def test_wrong_formula_is_warned_of_with_page_line_and_reason(build, tex):
    html, warnings = build(f"# Page\n\nA paragraph.\n\n{tex}\n")
    assert re.search(r"index\.md:5: WARNING: cannot convert the formula .*frac\{1", warnings)
    assert "Expected closing token" in warnings
    assert r"<code>\frac{1" in html
