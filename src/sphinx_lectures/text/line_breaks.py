"""Lines do not end between a formula and the mark after it."""

import re
from pathlib import Path

from sphinx_lectures import add_style

GLUED = re.compile(r"([(\[“‘]*)(<math>(?:(?!</math>).)*</math>)([-.,;:!?)\]”’…%]*)", re.DOTALL)


def glue(html):
    """HTML in which what belongs together stays on a line.

    >>> glue("(<math><mi>h</mi></math>, say)")
    '<span class="glued">(<math><mi>h</mi></math>,</span> say)'
    """

    def wrap(found):
        marks = found[1] or found[3]
        return f'<span class="glued">{found[0]}</span>' if marks else found[0]

    return GLUED.sub(wrap, html)


def _glue_page(app, pagename, templatename, context, doctree):
    if "body" in context:
        context["body"] = glue(context["body"])


def connect(app):
    add_style(app, Path(__file__).with_name("line_breaks.css"))
    app.connect("html-page-context", _glue_page)
