"""How a quiz is written: a question, and below it a list of answers.

The first line of an item is the answer; what is indented below it explains it. ``[x]`` marks a
right choice and ``[ ]`` a wrong one. To be filled in, ``=`` precedes accepted words or numbers,
with ``|`` between variants and an optional tolerance (``1.5 ± 0.1``); ``~`` precedes expected wrong
ones, and ``~ *`` stands for all others::

    Which matrix multiplies the old state?

    - [ ] $W_{xh}$
      It multiplies the input.
    - [x] $W_{hh}$
      Yes: from state to state.
"""

import re
from fractions import Fraction
from typing import NamedTuple

ITEM = re.compile(r"- (?:\[(?P<box>[ xX])\]|(?P<sign>[=~]))(?: +(?P<text>.*\S))? *")
LIKE_ITEM = re.compile(r"[-*+] *(\[.?\]|[=~] )")
NUMBER = re.compile(
    r"([-+]?(?:\d+/\d+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))(?: *± *(\d*\.?\d+))?", re.I
)


class Answer(NamedTuple):
    """An item of the list."""

    line: int  #: in the directive's content, from 0
    mark: str  #: one of " ", "x", "=" and "~"
    text: str
    why: list  #: lines of the explanation

    @property
    def right(self):
        return self.mark in "x="


def read(lines):
    """The lines of the question, the answers below it, and what is wrong, as (line, message)."""
    answers, complaints, fenced = [], [], False
    for i, line in enumerate(lines):
        fenced ^= line.startswith(("```", "~~~"))
        if (item := ITEM.fullmatch(line)) and not fenced:
            answers.append(Answer(i, (item["box"] or item["sign"]).lower(), item["text"] or "", []))
        elif LIKE_ITEM.match(line) and not fenced:
            complaints.append((i, "an answer begins with `- [x] `, `- [ ] `, `- = ` or `- ~ `"))
        elif answers and (line.startswith("  ") or not line.strip()):
            answers[-1].why.append(line[2:])
        elif answers:
            complaints.append((i, "what explains an answer is indented by two spaces"))
    question = lines[: answers[0].line] if answers else lines
    return question, answers, complaints or list(_complaints(question, answers))


def _complaints(question, answers):
    """What is wrong; None for the line where it is the quiz as a whole."""
    if not any(line.strip() for line in question):
        yield None, "the question is empty"
    if not any(answer.right for answer in answers):
        yield None, "no answer is right: mark one with `[x]`, or give what is accepted after `=`"
    marks = {answer.mark for answer in answers}
    if marks & {" ", "x"} and marks & {"=", "~"}:
        yield None, "choices (`[x]`, `[ ]`) and words to fill in (`=`, `~`) do not mix"
    elif "=" in marks and "*" not in [answer.text for answer in answers if not answer.right]:
        yield None, "nothing is said to an answer that is not listed: add `- ~ *`"
    elif marks == {"x"}:
        yield None, "no answer is wrong"
    known = {}
    for answer in answers:
        if not answer.text:
            yield answer.line, "an answer is empty"
        elif not answer.right and not any(line.strip() for line in answer.why):
            what = "any other answer" if answer.text == "*" else repr(answer.text)
            yield answer.line, f"nothing explains why {what} is wrong"
        for text in variants(answer):
            if known.setdefault(text.casefold(), answer) is not answer:
                yield answer.line, f"{text!r} is given twice"


def variants(answer):
    """What may be typed for this answer."""
    return [answer.text] if answer.mark in " x" else re.split(r" *\| *", answer.text)


def pattern(text):
    """A text to compare with, or a number with its tolerance."""
    if match := NUMBER.fullmatch(text.replace("−", "-").replace("+-", "±")):
        return [float(Fraction(match[1])), float(match[2] or 0)]
    return text
