"""``{quiz}``: choice and fill-in questions that answer back, and read well without scripts.

``syntax`` says how they are written, ``directive`` makes them, of HTML ``elements``; ``progress``
lists them.
"""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.quiz import directive, elements, elsewhere, progress


def setup(app):
    elements.connect(app)
    directive.connect(app)
    elsewhere.connect(app)
    progress.connect(app)
    return SAFE
