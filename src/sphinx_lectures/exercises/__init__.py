"""What a reader is asked: exercises with folded solutions, and questions that answer back.

``folds`` moves the cells of a solution into its fold. ``syntax`` says how a ``{quiz}`` is written,
``quiz`` makes it, of HTML ``elements``; ``progress`` lists the questions of all pages, and
``sheet`` gathers them on one.
"""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.exercises import elements, elsewhere, folds, progress, quiz, sheet


def setup(app):
    for part in (folds, elements, quiz, elsewhere, progress, sheet):
        part.connect(app)
    return SAFE
