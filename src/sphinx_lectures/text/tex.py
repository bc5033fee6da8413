r"""TeX as authors write it, in the dialect that the converter to MathML knows.

>>> plain("a = 1 \\\\ b = 2")
'\\begin{gathered}a = 1 \\\\ b = 2\\end{gathered}'
"""

import re

from tinycss2.color3 import parse_color

#: Environments that number their lines; a formula has one number, that of Sphinx.
NUMBERED = re.compile(r"(\\(?:begin|end)\{(?:equation|align|gather|multline))\}")
#: The space that may be asked for between two rows; MathML's tables have a space of their own.
ROW_SPACE = re.compile(r"(\\\\)\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mu|mm|cm|in|px)\s*\]")
OTHER_NAMES = [
    (re.compile(r"\\cr(?![A-Za-z])"), r"\\\\"),
    (re.compile(r"\\mbox(?![A-Za-z])"), r"\\text"),
    (re.compile(r"\\widetilde(?![A-Za-z])"), r"\\tilde"),
    (re.compile(r"(\\(?:begin|end)\{)split\}"), r"\1aligned}"),
]
COLOUR = re.compile(r"\\color\{([A-Za-z]+)\}")
#: What opens and closes a part, what ends a row or a column, and a blank line.
MARK = re.compile(r"\\begin\{|\\end\{|\\[A-Za-z]+|\\.|[{}&]|\n[ \t]*\n\s*", re.DOTALL)
#: By how much a mark goes deeper. The braces around the name of an environment close at once.
DEEPER = {r"\begin{": 2, r"\end{": 0, "{": 1, "}": -1, r"\left": 1, r"\right": -1}


def plain(tex):
    r"""A formula in TeX that the converter knows, and that looks as LaTeX would set it.

    Blank lines within an environment go, as in LaTeX; elsewhere, as in Sphinx, each ends an
    equation. Lines that end in ``\\`` stand below each other, also outside an environment.
    """
    tex = ROW_SPACE.sub(r"\1", NUMBERED.sub(r"\1*}", tex.strip()))
    for pattern, name in OTHER_NAMES:
        tex = pattern.sub(name, tex)
    blank = [(mark, outside) for mark, outside in _marks(tex) if not mark.group().strip()]
    for mark, outside in reversed(blank):
        tex = tex[: mark.start()] + (r"\\" if outside else " ") + tex[mark.end() :]
    found = {mark.group() for mark, outside in _marks(tex) if outside}
    if r"\\" not in found:
        return tex
    kind = "aligned" if "&" in found else "gathered"
    return rf"\begin{{{kind}}}{tex}\end{{{kind}}}"


def with_css_colours(tex):
    r"""A formula in which ``\color`` names no colour of CSS, but gives its parts."""

    def parts(name):
        if colour := parse_color(name[1]):
            return rf"\color[rgb]{{{colour.red:.3f},{colour.green:.3f},{colour.blue:.3f}}}"
        return name[0]

    return COLOUR.sub(parts, tex)


def apart(tex):
    r"""The formulas of a line, which ``\qquad`` sets apart; a narrow page may break there.

    >>> apart(r"a = b, \qquad \text{where \qquad is kept}")
    ['a = b, ', ' \\text{where \\qquad is kept}']
    """
    ends = [mark.span() for mark, outside in _marks(tex) if outside and mark.group() == r"\qquad"]
    starts, stops = [0, *(end for _, end in ends)], [*(start for start, _ in ends), len(tex)]
    return [tex[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _marks(tex):
    """The marks in a formula, each with whether it stands outside of all parts."""
    depth = 0
    for mark in MARK.finditer(tex):
        depth += DEEPER.get(mark.group(), 0)
        yield mark, depth == 0
