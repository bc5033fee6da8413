"""Words of code that look like text get no element, all others keep theirs."""

import re
import subprocess
import sys
from typing import ClassVar

import pytest
from bs4 import BeautifulSoup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import RegexLexer
from pygments.lexers import PythonLexer
from pygments.styles import get_style_by_name
from pygments.token import Generic, Number

from sphinx_lectures.text.plain_tokens import formatter

CODE = (
    'import numpy as np\n\n\ndef f(x=1.5, name="W"):  # a <comment>\n    return not x @ {name!r}\n'
)
STYLES = ["a11y-high-contrast-light", "a11y-high-contrast-dark"]


def looks(html, style):
    """Every letter with the colour that the rules of the style give it."""
    rules = HtmlFormatter(style=style, cssclass="highlight").get_style_defs(".highlight")
    colors = dict(re.findall(r"\.highlight \.(\w+) \{([^}]*)\}", rules))
    text = re.search(r"^\.highlight \{.*?(color: #\w+)", rules, re.MULTILINE)[1]
    found = []
    for word in BeautifulSoup(html, "html.parser").find_all(string=True):
        rule = colors.get(" ".join(word.parent.get("class", [])), text)
        found += [(letter, rule.strip()) for letter in word if not letter.isspace()]
    return found


@pytest.mark.parametrize("style", STYLES)
def test_code_looks_the_same_with_fewer_elements(style):
    assert get_style_by_name(style)
    whole = highlight(CODE, PythonLexer(), HtmlFormatter(nowrap=True))
    plain = highlight(CODE, PythonLexer(), formatter(STYLES)(nowrap=True))
    assert looks(plain, style) == looks(whole, style)
    assert plain.count("<span") < whole.count("<span") / 1.5


def test_word_that_one_of_the_styles_colours_keeps_its_element():
    one, both = (
        highlight("f(1)", PythonLexer(), formatter(styles)(nowrap=True))
        for styles in (["bw"], ["bw", "friendly"])
    )
    assert one.strip() == "f(1)"
    assert both.strip() == 'f(<span class="mi">1</span>)'


def test_kind_that_only_its_lexer_knows_looks_like_the_kind_above_it():
    class Own(RegexLexer):
        tokens: ClassVar = {"root": [(r"\d", Number.Own), (r"\w", Generic.Whitespace)]}

    html = highlight("1a", Own(), formatter(["friendly"])(nowrap=True))
    assert re.fullmatch(r'<span class="m[\w -]*">1</span>(<span[^>]*>)?a(</span>)?\n', html)


def test_logging_stays_as_it_is_whatever_a_package_of_styles_does():
    code = (
        "import logging; from sphinx_lectures.text.plain_tokens import formatter; "
        f"formatter({STYLES}); assert not logging.root.handlers"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
