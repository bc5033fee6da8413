"""What a built page holds for a search: its sections, terms, objects and formulas, with their text.

Code, answers to questions and solutions are left out. Formulas are written in one line: ``h_t``.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "path", "source", "wbr"}
SKIPPED_TAGS = {"script", "style", "svg", "pre", "nav", "button", "summary", "select", "label"}
SKIPPED = re.compile(
    r"\b(headerlink|solution|quiz-answers|quiz-verdict|quiz-progress|quiz-sheet"
    r"|explorable-numbers|notebook-download|cite-page|repository-links|visually-hidden"
    r"|prev-next\S*)(?!\S)"
)
#: Between the parts of these elements of a formula.
SCRIPTS = {"msub": "_", "msup": "^", "msubsup": "_^", "mfrac": "/"}
SIDE_BY_SIDE = {"mi", "mn", "mo", "mtext", "msub", "msup", "msubsup", "mfrac", "mover", "msqrt"}
BLOCKS = {"p", "li", "td", "th", "dd", "dt", "div", "figcaption", "legend", "section", "tr"}
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(“\"])|\n+")
HEADING = re.compile(r"h[1-6]")


class Entry(NamedTuple):
    """A place of a page: `kind` is "page", "section", "term", "object" or "formula"."""

    kind: str
    anchor: str  #: empty for the page itself
    title: str
    sentences: list


class _Open:
    """An element that has begun, and what it began."""

    def __init__(self, tag, skips=False, entry=None):
        self.tag, self.skips, self.entry, self.children = tag, skips, entry, 0


class _Draft:
    def __init__(self, kind, anchor):
        self.kind, self.anchor, self.title, self.text = kind, anchor, [], []


class _Reader(HTMLParser):
    def __init__(self, formula_name):
        super().__init__()
        self.formula_name = formula_name
        self.open, self.drafts = [], []
        self.depth_of_article = None
        self.titled = None  # whose title is being read
        self.description = ""

    # What has begun and not ended yet.

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "meta" and attributes.get("name") == "description":
            self.description = attributes.get("content", "")
        if tag in VOID:
            return
        classes = attributes.get("class") or ""
        if self.depth_of_article is None:
            if tag == "article" and "bd-article" in classes:
                self.depth_of_article = len(self.open)
            self.open.append(_Open(tag))
            return
        self._space(tag)
        skips = tag in SKIPPED_TAGS or bool(SKIPPED.search(classes))
        if skips and tag == "label" and "quiz" not in classes:
            skips = False
        here = _Open(tag, skips or self.open[-1].skips)
        self.open[-1].children += 1
        self.open.append(here)
        if not here.skips:
            self._begin(tag, classes, attributes.get("id"), here)

    def _begin(self, tag, classes, anchor, here):
        if tag == "section" and anchor:
            here.entry = _Draft("section" if self.drafts else "page", anchor)
        elif tag == "dt" and anchor:
            self._end_of_term()
            self.open[-2].entry = _Draft("object" if "sig" in classes else "term", anchor)
            self.drafts.append(self.open[-2].entry)
            self.titled = self.open[-2].entry
        elif anchor and (name := self.formula_name(anchor)):
            draft = _Draft("formula", anchor)
            draft.title.append(name)
            self.drafts.append(draft)
        elif HEADING.fullmatch(tag):
            self.titled = self._entry()
        if here.entry:
            self.drafts.append(here.entry)

    def _end_of_term(self):
        if self.open[-2].tag == "dl":
            self.open[-2].entry = None

    def handle_endtag(self, tag):
        if tag in VOID or not any(element.tag == tag for element in self.open):
            return
        while self.open:
            ended = self.open.pop()
            if self.depth_of_article is not None and len(self.open) == self.depth_of_article:
                self.depth_of_article = None
            if ended.tag == tag:
                break
        if HEADING.fullmatch(tag) or tag == "dt":
            self.titled = None
        if tag in BLOCKS and self.depth_of_article is not None:
            self._write("\n")

    def _entry(self):
        return next((e.entry for e in reversed(self.open) if e.entry), None)

    # Text.

    def _space(self, tag):
        above = self.open[-1]
        if above.tag in SCRIPTS and above.children:
            self._write(SCRIPTS[above.tag][above.children - 1 :][:1])
        elif tag in SIDE_BY_SIDE and not any(e.tag in SCRIPTS for e in self.open):
            self._write(" ")

    def handle_data(self, data):
        if self.depth_of_article is not None and not self.open[-1].skips:
            if any(element.tag == "math" for element in self.open):
                data = data.strip()
            self._write(re.sub(r"\s+", " ", data))

    def _write(self, text):
        if self.titled:
            self.titled.title.append(text)
        elif (entry := self._entry()) and not self.open[-1].skips:
            entry.text.append(text)


def read_page(html, formula_name=lambda anchor: ""):
    """The entries of a page.

    Parameters
    ----------
    html : str
        The page as it was written.
    formula_name : callable
        The name of the formula with a given anchor; empty if it has none.

    Returns
    -------
    list of Entry
        In the order in which they stand; the first is the page itself, and what it says of
        itself in its head stands first in it. Empty if the page has no title.
    """
    reader = _Reader(formula_name)
    reader.feed(html)
    entries = [
        Entry(
            draft.kind,
            "" if draft.kind == "page" else draft.anchor,
            _title(draft),
            _sentences("".join(draft.text)),
        )
        for draft in reader.drafts
        if _title(draft)
    ]
    if not entries or entries[0].kind != "page":
        return []
    if reader.description:
        entries[0].sentences.insert(0, reader.description)
    return entries


def _title(draft):
    if draft.kind == "object":
        return draft.anchor.removeprefix("module-")
    return _tidy("".join(draft.title))


def _sentences(text):
    found = (_tidy(sentence) for sentence in SENTENCE.split(text))
    return [sentence for sentence in found if re.search(r"\w\w", sentence)]


def _tidy(text):
    text = re.sub(r"\s+", " ", text.replace("\u2061", "").replace("\u200b", "")).strip()
    return re.sub(r"([(\[|]) | (?=[)\],.;:!?|])", r"\1", text)
