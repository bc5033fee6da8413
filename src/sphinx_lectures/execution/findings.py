"""Findings: statements about what training or a random draw gave, checked where a page is built.

A formula that does not hold is an error everywhere. What training gave may come out otherwise on a
processor that rounds otherwise: that is news, and no error. A cell tagged ``finding`` holds nothing
but assertions, each with a message in plain words. If one does not hold, the page is published all
the same, with a note in the place of the cell, and the build lists page, line and words. Where the
environment variable ``CI`` is set, it fails the build like anything else.
"""

import ast
import os
import re
from typing import NamedTuple

from sphinx.util import logging

from sphinx_lectures.execution.page import cell_line, code_cells

logger = logging.getLogger(__name__)

TAG = "finding"
MIME_TYPE = "application/vnd.lectures.finding+json"
TITLE = "On this machine this came out differently"
EXPECTED = "a cell tagged 'finding' holds assertions alone, each with words; found"
#: In place of an assertion, and on its first line. The words are made whether or not it holds, so
#: that a mistake in them is found on the day when they are written.
REPORT = (
    "(lambda held, words: None if held else __import__('IPython').display.display("
    "{{{mime!r}: {{'line': {line}, 'words': words}}}}, raw=True))(bool({test}), str({words}))"
)
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


class Finding(NamedTuple):
    """An assertion of a finding's cell that did not hold."""

    line: int  #: of the cell, from 1; of the page's file where a page is spoken of
    words: str  #: what the page says, and what was measured


def is_finding(cell):
    """Whether a cell is tagged as one that holds findings."""
    return TAG in cell.metadata.get("tags", [])


def mistakes(source):
    """What a finding's cell may not hold, as (line of the cell, why)."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # running it says so
        return
    for statement in statements:
        first_line = ast.unparse(statement).partition("\n")[0]
        if not isinstance(statement, ast.Assert):
            yield statement.lineno, f"{EXPECTED} {first_line!r}"
        elif statement.msg is None:
            yield statement.lineno, f"{EXPECTED} no words in {first_line!r}"
        elif any(isinstance(part, ast.NamedExpr) for part in ast.walk(statement)):
            yield statement.lineno, f"{EXPECTED} a name that is bound with ':='"


def claims(source):
    """The assertions of a finding's cell: the line of the cell on which each one starts."""
    return [statement.lineno for statement in ast.parse(source).body]


def reporting(source):
    """The cell's code with every assertion made to report that it does not hold, not to raise."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return source
    lines = [""] * len(source.splitlines())
    for statement in statements:
        test, words = ast.unparse(statement.test), ast.unparse(statement.msg)
        report = REPORT.format(mime=MIME_TYPE, line=statement.lineno, test=test, words=words)
        lines[statement.lineno - 1] += report
    return "\n".join(lines)


def unmet(outputs):
    """The findings of a cell that did not hold, from its outputs."""
    reports = [output.get("data", {}).get(MIME_TYPE) for output in outputs]
    return [Finding(report["line"], report["words"]) for report in reports if report]


def note(findings):
    """In Markdown: what stands on the page in the place of findings that did not hold."""
    words = (" ".join(finding.words.split()) for finding in findings)
    items = [PUNCTUATION.sub(r"\\\g<0>", text[:1].upper() + text[1:]) for text in words]
    paragraphs = "\n\n".join(f"{item}." for item in items)
    return f"```{{admonition}} {TITLE}\n:class: warning finding\n\n{paragraphs}\n```"


def unmet_on(page, outputs):
    """The findings on a page that did not hold, with lines of its file."""
    return [
        Finding(cell_line(page.text, page.notebook, index) + finding.line - 1, finding.words)
        for (index, _), kept in zip(code_cells(page.notebook), outputs, strict=False)
        for finding in unmet(kept)
    ]


def _say_what_is_unmet(app, env):
    """Findings that do not hold are said at every build, and are errors where that is asked."""
    say = logger.warning if os.environ.get("CI") else logger.info
    for name, findings in sorted(env.lectures_unmet.items()):
        for line, words in findings:
            place = f"{env.doc2path(name)}:{line}"
            say("%s: %s", TITLE, words, location=place, type="lectures", subtype=TAG)


def connect(app):
    app.connect("env-updated", _say_what_is_unmet)
