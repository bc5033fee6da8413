"""Pages become plain Markdown that renderers of notebooks read as it was meant."""

import re
from html import unescape

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from myst_parser.parsers.docutils_ import Parser

from sphinx_lectures.notebooks.markdown import Markdown, escape, fenced

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(dollarmath_plugin)
SETTINGS = {
    "myst_enable_extensions": ["dollarmath", "deflist", "colon_fence"],
    "output_encoding": "unicode",
}


WRITER = Markdown({"fig-a": "Fig. 1"}, {}, lambda node: node.get("refuri", ""))


def text_of(rendered):
    return unescape(re.sub("<[^>]+>", "", rendered))


@given(st.text(st.sampled_from("ab1 *_`$~\\<>[](){}#+-=!|&;.:/'\"äπ"), min_size=1))
def test_text_reads_as_it_was_written(text):
    text = " ".join(text.split())
    block = "\n\n".join(WRITER.blocks(nodes.paragraph("", "", nodes.Text(text))))
    assert text_of(RENDERER.render(block)).split() == text.split()


@pytest.mark.parametrize("code", ["a`b", "``", "plain", "x | y"])
def test_literals_keep_their_backticks(code):
    line = WRITER.inline(nodes.literal("", code))
    assert text_of(RENDERER.renderInline(line)) == code


def test_code_keeps_its_fences():
    assert text_of(RENDERER.render(fenced("```\nx\n```", "md"))).strip() == "```\nx\n```"


def test_words_in_prose_are_not_littered_with_backslashes():
    assert escape("h_t of SimpleRNN [2], 3 < 4 & 5") == "h_t of SimpleRNN [2], 3 < 4 & 5"


#: MyST, and the Markdown that it becomes.
WRITTEN = {
    "formulas": ("Here $h = $5, $a<b$ and $5", "Here $h =$ 5, $a< b$ and \\$5"),
    "admonition": (  # a quotation, with its formula on one line
        "```{admonition} Exercise *one*\nTry.\n\n$$\na\n= b\n$$\n\n- x\n- y\n```",
        "> **Exercise *one***\n>\n> Try.\n>\n> $$a = b$$\n>\n> - x\n> - y",
    ),
    "note": ("```{note}\nMind.\n```", "> **Note**\n>\n> Mind."),
    "table": ("| a | b |\n|---|---|\n| $x$ | 1 |", "| a | b |\n| --- | --- |\n| $x$ | 1 |"),
    "lists": (
        "1. one\n\n   more\n   - inner\n2. two\n",
        "1. one\n\n   more\n\n   - inner\n2. two",
    ),
    "definitions": ("term\n: what it is", "- **term**: what it is"),
    "link": ("[there](https://example.org/a)", "[there](https://example.org/a)"),
    "footnote": ("Said[^1].\n\n[^1]: by *us*", "Said[1].\n\n1\n\nby *us*"),
    "invisible": ("% a comment\n\n(label)=\nText.", "Text."),
}


@pytest.mark.parametrize(("source", "written"), WRITTEN.values(), ids=WRITTEN)
def test_a_page_is_written_as_plain_markdown(source, written):
    page = publish_doctree(source, parser=Parser(), settings_overrides=SETTINGS)
    assert "\n\n".join(WRITER.blocks(*page.children)) == written


def test_table_keeps_pipes_out_of_its_cells():
    contents = [nodes.math("", r"\|x\| > |y|")], [nodes.literal("", "p | q")]
    row = nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *c)) for c in contents))
    (table,) = WRITER.blocks(nodes.table("", nodes.tgroup("", nodes.tbody("", row))))
    assert table.splitlines()[:2] == ["|  |  |", "| --- | --- |"]
    assert table.splitlines()[2] == r"| $\Vert x\Vert  > \vert y\vert $ | `p \| q` |"
    assert RENDERER.render(table).count("<td>") == 2


def test_figure_has_its_name_and_its_caption():
    figure = nodes.figure("", nodes.image(uri="img/a b.png", alt="A dot"), ids=["fig-a"])
    figure += nodes.caption("", "One dot.")
    assert WRITER.blocks(figure) == ["A dot", "**Fig. 1.** One dot."]


def test_a_link_that_leads_nowhere_is_text():
    assert WRITER.inline(nodes.reference("", "2", refid="x")) == "2"
