"""A cell of findings holds assertions with words, and reports those that do not hold."""

from html import unescape
from unittest.mock import patch

import pytest
from markdown_it import MarkdownIt

from sphinx_lectures.execution.findings import (
    EXPECTED,
    MIME_TYPE,
    Finding,
    claims,
    mistakes,
    note,
    reporting,
    unmet,
)

CELL = """assert measured > 3, f"more than 3; here {measured}"
# a comment
assert (
    measured > 1
), "more than 1"
assert measured > 2, "more than 2"
"""


def run(source, **names):
    """The outputs of a cell of findings."""
    shown = []

    def display(bundle, raw):
        assert raw
        shown.append({"output_type": "display_data", "data": bundle})

    with patch("IPython.display.display", display):
        exec(reporting(source), names)
    return shown


def test_assertions_that_do_not_hold_are_reported_with_their_line_and_words():
    outputs = run(CELL, measured=1.5)
    assert unmet(outputs) == [Finding(1, "more than 3; here 1.5"), Finding(6, "more than 2")]
    assert [list(output["data"]) for output in outputs] == [[MIME_TYPE]] * 2
    assert run(CELL, measured=5) == []


def test_a_report_stands_on_the_line_of_its_assertion():
    lines = reporting(CELL).splitlines()
    assert len(lines) == len(CELL.splitlines())
    assert [number for number, line in enumerate(lines, 1) if line] == claims(CELL) == [1, 3, 6]


@pytest.mark.parametrize("source", ["assert missing, 'words'", "assert True, f'{missing}'"])
def test_what_is_not_defined_raises_in_the_test_and_in_the_words(source):
    with pytest.raises(NameError):
        run(source)


@pytest.mark.parametrize(
    ("statement", "found"),
    {
        "x = 1": "'x = 1'",
        "assert measured": "no words in 'assert measured'",
        'assert (y := 1), "words"': "a name that is bound with ':='",
        'for k in "ab":\n    assert k, "words"': "\"for k in 'ab':\"",
    }.items(),
)
def test_anything_but_an_assertion_with_words_is_a_mistake_with_its_line(statement, found):
    assert [*mistakes(f"# a comment\n{statement}")] == [(2, f"{EXPECTED} {found}")]
    assert not [*mistakes(CELL)]


def test_the_words_of_a_note_are_plain_text():
    words = "the `page` says *it* is <b>1</b>, $x$, {ref}`a` & [b](c)\nand \\more | _so_"
    opening, *inner, closing = note([Finding(1, words)]).splitlines()
    assert (opening[:3], closing) == ("```", "```")
    html = MarkdownIt().render("\n".join(inner[2:]))
    assert unescape(html) == f"<p>T{words[1:]}.</p>\n".replace("c)\n", "c) ")
