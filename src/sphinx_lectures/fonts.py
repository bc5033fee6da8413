"""Fonts cut down to the characters in use, and put into the style sheet: no request, no shift.

From a font of icons come the icons that the style sheet names, from a mathematical font what
stands in formulas with all sizes of it, from any other font the characters of the pages.
"""

from __future__ import annotations

import logging
import re
from base64 import b64decode, b64encode
from html import unescape
from io import BytesIO
from typing import NamedTuple
from unicodedata import name, normalize

from fontTools import subset

from sphinx_lectures.stylesheet import URL, split

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it reports each table

ESCAPE = re.compile(r"\\([0-9a-fA-F]{2,6})\s?")
LOADABLE = re.compile(r"^data:.*base64,|^(?![a-z]+:|/).*\.(woff2?|[ot]tf)\b")
VARIABLE = re.compile(r"<mi>([^<&])</mi>")
TAG = re.compile(r"<[^>]*>")
#: Drawn where the text has none: radicals, minus signs for hyphens, numbers that scripts write.
ALWAYS = "√−0123456789.,"


class Characters(NamedTuple):
    """The characters that may be drawn, as sets of code points."""

    text: set[int]
    formulas: set[int]
    icons: set[int]


def characters(pages, css):
    """The characters of pages in HTML; icons are what a style sheet has of the private area."""
    text = {ord(c) for page in pages for c in set(unescape(page))}
    formulas = [math for page in pages for math in re.findall(r"<math.*?</math>", page, re.DOTALL)]
    italics = _italics({m for math in formulas for m in re.findall(r"<mi[^>]*>([^<&])</mi>", math)})
    slanted = {normalize("NFKC", chr(c)) for c in italics}
    upright = [VARIABLE.sub(lambda m: "" if m[1] in slanted else m[1], math) for math in formulas]
    letters = {ord(c) for math in [ALWAYS, *upright] for c in unescape(TAG.sub("", math))}
    named = {int(code, 16) for code in ESCAPE.findall(css)} | set(map(ord, css))
    return Characters(text, letters | italics, {c for c in named if _is_private(c)})


def _italics(variables):
    """What a browser draws for names of variables: 𝑥 for x."""
    italics = {
        c for c in range(0x1D434, 0x1D7CA) if name(chr(c), "").startswith("MATHEMATICAL ITALIC")
    }
    return {c for c in italics | {0x210E} if normalize("NFKC", chr(c)) in variables}


def _is_private(character):
    return 0xE000 <= character < 0xF900


def family(face):
    """The name that style sheets give to the font of a ``@font-face``."""
    names = [d.partition(":")[2] for d in split(face, ";") if d.startswith("font-family")]
    return names[-1].strip(" \"'").replace("\\", "") if names else ""


def cut(face, folder, used):
    """The body of a ``@font-face`` with its font inside, cut down to the characters used.

    Parameters
    ----------
    face : str
        The declarations; `url`s are relative to `folder`.
    folder : Path
        Where the style sheet stands.
    used : Characters
        What pages and style sheet draw.

    Returns
    -------
    tuple of (str or None, set of int)
        The new declarations, none if the font has no character in use, and the icons that it
        has. A font from another place stays as it is.
    """
    sources = [found[2] for found in URL.finditer(face)]
    sources = [url for url in sources if LOADABLE.search(url)]
    if not sources:
        return face, set()
    options = subset.Options(
        flavor="woff2", name_IDs=[0, 13, 14], hinting=False, desubroutinize=True
    )
    font = subset.load_font(_source(sources[0], folder), options)
    known = set(font.getBestCmap())
    icons = used.icons & known
    wanted = icons or known & (used.formulas if "MATH" in font else used.text)
    if not wanted:
        return None, set()
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=wanted)
    cutter.subset(font)
    file = BytesIO()
    subset.save_font(font, file, options)
    data = b64encode(file.getvalue()).decode()
    others = [d for d in split(face, ";") if not d.startswith("src")]
    return ";".join([*others, f'src:url("data:font/woff2;base64,{data}") format("woff2")']), icons


def _source(url, folder):
    if url.startswith("data:"):
        return BytesIO(b64decode(url.partition(",")[2]))
    return BytesIO((folder / url.partition("?")[0].partition("#")[0]).read_bytes())
