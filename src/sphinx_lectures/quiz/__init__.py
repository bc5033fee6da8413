"""``{quiz}``: choice and fill-in questions that answer back, and read well without scripts.

``syntax`` says how they are written, ``directive`` makes them, of HTML ``elements``; ``progress``
lists them, and ``sheet`` gathers those of all pages on one.
"""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.quiz import directive, elements, elsewhere, progress, sheet


def setup(app):
    for part in (elements, directive, elsewhere, progress, sheet):
        part.connect(app)
    return SAFE
