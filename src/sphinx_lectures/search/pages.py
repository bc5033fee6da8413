"""What a built page holds for a search: its sections, terms, objects and formulas, with their text.

Code, answers to questions and solutions are left out. Formulas are written in one line: ``h_t``.
"""

import re
from typing import NamedTuple

from bs4 import BeautifulSoup, NavigableString, Tag

SKIPPED_TAGS = {"script", "style", "svg", "pre", "nav", "button", "summary", "select"}
SKIPPED = re.compile(
    r"\b(headerlink|solution|quiz-answers|quiz-field|quiz-verdict|quiz-progress|quiz-sheet"
    r"|explorable-numbers|notebook-download|cite-page|repository-links|visually-hidden"
    r"|prev-next\S*)(?!\S)"
)
#: Between the parts of these elements of a formula.
SCRIPTS = {"msub": "_", "msup": "^", "msubsup": "_^", "mfrac": "/"}
SIDE_BY_SIDE = {"mi", "mn", "mo", "mtext", "msub", "msup", "msubsup", "mfrac", "mover", "msqrt"}
BLOCKS = {"p", "li", "td", "th", "dd", "dt", "div", "figcaption", "legend", "section", "tr"}
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(“\"])|\n+")
HEADING = re.compile(r"h[1-6]")
LABEL = r"(?:eq[-:])?(.+)"  #: of a formula: its group is the name
#: Given by MyST to a formula that has no label.
MADE_UP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Entry(NamedTuple):
    """A place of a page: `kind` is "page", "section", "term", "object" or "formula"."""

    kind: str
    anchor: str  #: empty for the page itself
    title: str
    sentences: list


class _Draft:
    def __init__(self, kind, anchor, title=""):
        self.kind, self.anchor, self.title, self.text = kind, anchor, [title], []


class _Reader:
    """Gathers the `drafts` of entries."""

    def __init__(self, labels):
        self.labels, self.drafts = labels, []

    def read(self, element, draft, out, in_math=False, in_script=False):
        """Read what stands in an element of an entry, and write its text to the list `out`."""
        marks, count = SCRIPTS.get(element.name, ""), 0
        in_math, in_script = in_math or element.name == "math", in_script or bool(marks)
        for child in element.children:
            if type(child) is NavigableString:
                out.append(re.sub(r"\s+", " ", child.strip() if in_math else child))
            elif isinstance(child, Tag):
                aside = child.name in SIDE_BY_SIDE and not in_script
                out.append(marks[count - 1 : count] or " " * aside)
                count += 1
                if not _is_skipped(child):
                    begun, into = self._begin(child, draft, out)
                    self.read(child, begun, into, in_math, in_script)
                    if child.name == "dt" and begun is not draft:  # what follows is said of it
                        draft, out = begun, begun.text
                if child.name in BLOCKS:
                    out.append("\n")

    def _begin(self, tag, draft, out):
        """The entry that an element belongs to, and the list for its text."""
        anchor = tag.get("id")
        if tag.name == "section" and anchor:
            begun = self._add("section" if self.drafts else "page", anchor)
            return begun, begun.text
        if tag.name == "dt" and anchor:
            begun = self._add("object" if "sig" in tag.get("class", ()) else "term", anchor)
            return begun, begun.title
        if anchor and (name := formula_name(anchor, self.labels)):
            self._add("formula", anchor, name)
        return draft, draft.title if HEADING.fullmatch(tag.name) else out

    def _add(self, *parts):
        self.drafts.append(_Draft(*parts))
        return self.drafts[-1]


def _is_skipped(tag):
    return tag.name in SKIPPED_TAGS or SKIPPED.search(" ".join(tag.get("class", ())))


def formula_name(anchor, labels):
    """The name of a formula with an anchor, in words: what the group of `labels` has of its label.

    >>> formula_name("equation-eq-spectral-radius", LABEL)
    'spectral radius'
    """
    label = anchor.removeprefix("equation-")
    match = re.fullmatch(labels, label)
    if label == anchor or not match or MADE_UP.fullmatch(label):
        return ""
    return " ".join(re.split(r"[-_:]+", match[1]))


def read_page(html, labels=LABEL):
    """The entries of a page in their order, of which the first is the page itself.

    What the page says of itself in its head stands first in it. A page without a title has none.
    `labels` is an expression for the labels of formulas, with a group for their names.
    """
    soup, reader = BeautifulSoup(html, "html.parser"), _Reader(labels)
    for article in soup.select("article.bd-article"):
        reader.read(article, _Draft("none", ""), [])
    entries = []
    for draft in reader.drafts:
        if title := _title(draft):
            anchor = "" if draft.kind == "page" else draft.anchor
            entries.append(Entry(draft.kind, anchor, title, _sentences("".join(draft.text))))
    if not entries or entries[0].kind != "page":
        return []
    if description := soup.find("meta", {"name": "description"}):
        entries[0].sentences.insert(0, description["content"])
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
