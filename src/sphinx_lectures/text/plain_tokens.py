"""No element in code for a word that looks like plain text: names and brackets, half of all words.

A word needs an element of its own if the light or the dark style of the theme draws its kind in
another way than text.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager

from pygments.formatters import HtmlFormatter
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Text


def formatter(styles):
    """A formatter for code that is shown in several styles.

    Parameters
    ----------
    styles : list of str
        Names of the styles, as Pygments knows them.

    Returns
    -------
    type
        A subclass of `HtmlFormatter`.

    Examples
    --------
    >>> from pygments import highlight
    >>> from pygments.lexers import PythonLexer
    >>> print(highlight("f(1)", PythonLexer(), formatter(["friendly"])(nowrap=True)), end="")
    f(<span class="mi">1</span>)
    >>> print(highlight("f(1)", PythonLexer(), formatter(["bw"])(nowrap=True)), end="")
    f(1)
    """
    with _logging_as_it_is():
        styles = [get_style_by_name(name) for name in styles]

    class Plain(HtmlFormatter):
        def _get_css_classes(self, ttype):
            known = ttype
            while known not in STANDARD_TYPES:  # a lexer may have kinds of its own
                known = known.parent
            looks = ((s.style_for_token(known), s.style_for_token(Text)) for s in styles)
            plain = all(look == text for look, text in looks)
            return "" if plain else super()._get_css_classes(ttype)

    return Plain


@contextmanager
def _logging_as_it_is():
    """Some packages of styles set up logging for the whole process when they are imported."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def _use(app):
    options = app.config.html_theme_options
    names = [options.get(f"pygments_{theme}_style") for theme in ("light", "dark")]
    if app.builder.format == "html" and all(names):
        app.builder.highlighter.formatter = formatter(names)


def setup(app):
    app.connect("builder-inited", _use)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
