"""TeX to MathML while the site is built: no script, no request, and wrong TeX fails the build.

Formulas become MathML Core, which browsers draw and screen readers read by themselves. A displayed
formula scrolls in its own box where it is wider than the page; its number stays beside the box.
"""

import re
from functools import lru_cache
from html import escape
from pathlib import Path

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging

from sphinx_lectures import add_style
from sphinx_lectures.text.private import add_link_to_equation, equation_number
from sphinx_lectures.text.tex import apart, plain, with_css_colours

logger = logging.getLogger(__name__)

#: Mathematical fonts raise primes, and MathML raises them once more: mathml.css lowers these.
PRIME = re.compile("<mo>([′″‴⁗])</mo>")
#: No element of MathML Core draws a box or a stroke: mathml.css does.
ENCLOSED = re.compile('<menclose notation="([a-z ]+)">')
#: A capital in italics leans into its superscript: the font's correction is not made for it.
LEANING = re.compile("<msup><mi>([F-Y])</mi>")
#: Chromium does not size a delimiter (``\\big``) that carries an index, unless it is in a row.
SIZED = re.compile("(<msub>|<msup>|<msubsup>)(<mo [^>]*minsize=[^>]*>[^<]*</mo>)")


@lru_cache
def _converter(macros):
    return LatexToMathML(macros=dict(macros), fancy_error=False)


def to_mathml(tex, display=False, macros=()):
    r"""MathML Core for a formula in TeX, without dollars; wrong or unknown TeX is a `LatexError`.

    It may stand on a line of its own (`display`); `macros` are pairs of a name, without backslash,
    and what it stands for.

    >>> to_mathml(r"\sqrt{2}")
    '<math><msqrt><mn>2</mn></msqrt></math>'
    """
    convert, tex = _converter(macros).convert_with_local_state, plain(tex)
    try:
        mathml = convert(tex, displaystyle=display)
    except LatexError:  # NumPy, for one, writes LightGray
        if with_css_colours(tex) == tex:
            raise
        mathml = convert(with_css_colours(tex), displaystyle=display)
    mathml = PRIME.sub(r'<mo class="prime">\1</mo>', mathml)
    mathml = ENCLOSED.sub(r'<mrow class="\1">', mathml).replace("</menclose>", "</mrow>")
    mathml = LEANING.sub(r'<msup><mi class="leaning">\1</mi>', mathml)
    return SIZED.sub(r"\1<mrow>\2</mrow>", mathml)


def _math(translator, node, tex, display):
    try:
        return to_mathml(tex, display, tuple(translator.config.mathml_macros.items()))
    except LatexError as error:
        words = "cannot convert the formula %r: at character %s"
        logger.warning(words, tex, error, location=node, type="lectures", subtype="math")
        return f"<code>{escape(tex)}</code>"


def _visit_inline(translator, node):
    translator.body.append(_math(translator, node, node.astext(), display=False))
    raise nodes.SkipNode


def _visit_display(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="equation"))
    formulas = "".join(_math(translator, node, tex, display=True) for tex in apart(node.astext()))
    translator.body.append(f'<div class="formula">{formulas}</div>')
    if node["number"]:
        number = equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        add_link_to_equation(translator, node)
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def connect(app):
    add_style(app, Path(__file__).with_name("mathml.css"))
    app.add_config_value("mathml_macros", {}, "env", types=[dict])
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_visit_inline, None), block_renderers=(_visit_display, None)
    )
