"""Fonts cut down to the characters in use, and put into the style sheet: no request, no shift.

From a font of icons come the icons that the style sheet names, from a mathematical font what
stands in formulas with all sizes of it, from any other font the characters of the pages.
"""

import logging
import re
from base64 import b64decode, b64encode
from html import unescape
from io import BytesIO
from typing import NamedTuple
from unicodedata import name, normalize

from sphinx_lectures.light_pages.stylesheet import addresses, split

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


def characters_of(html):
    """The characters of a page; it has no icons."""
    formulas = "".join(re.findall(r"<math.*?</math>", html, re.DOTALL))
    italics = _italics(set(re.findall(r"<mi[^>]*>([^<&])</mi>", formulas)))
    slanted = {normalize("NFKC", chr(c)) for c in italics}
    upright = VARIABLE.sub(lambda m: "" if m[1] in slanted else m[1], formulas)
    letters = set(map(ord, unescape(TAG.sub("", upright))))
    return Characters(set(map(ord, unescape(html))), letters | italics, set())


def icons_of(css):
    """The icons of a style sheet: what it has of the private area."""
    named = {int(code, 16) for code in ESCAPE.findall(css)} | set(map(ord, css))
    return {c for c in named if 0xE000 <= c < 0xF900}


def union(pages):
    """The characters of all pages, given those of each; what is always drawn is among them."""
    text, formulas, icons = (set().union(*sets) for sets in zip(*pages, strict=True))
    return Characters(text, formulas | set(map(ord, ALWAYS)), icons)


def _italics(variables):
    """What a browser draws for names of variables: 𝑥 for x."""
    italics = {
        c for c in range(0x1D434, 0x1D7CA) if name(chr(c), "").startswith("MATHEMATICAL ITALIC")
    }
    plain = {normalize("NFKC", variable) for variable in variables}  # ϕ and φ are one letter there
    return {c for c in italics | {0x210E} if normalize("NFKC", chr(c)) in plain}


def family(face):
    """The name that style sheets give to the font of a ``@font-face``."""
    names = [d.partition(":")[2] for d in split(face, ";") if d.startswith("font-family")]
    return names[-1].strip(" \"'").replace("\\", "") if names else ""


def cut(face, folder, used):
    """The body of a ``@font-face`` with its font inside, cut down to the characters in use.

    Addresses are relative to `folder`. Returns the new declarations, None if the font has no
    character in use, and the set of icons that it has. A font from another place stays as it is.
    """
    from fontTools import subset  # takes long to import, and is rarely needed

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it reports each table
    sources = [url for url in addresses(face) if LOADABLE.search(url)]
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
