"""What a reader is asked: exercises with folded solutions, and questions that answer back.

``folds`` moves the cells of a solution into its fold. ``syntax`` says how a ``{quiz}`` is written,
``quiz`` makes it, of HTML ``elements``; ``progress`` lists the questions of all pages, and
``sheet`` gathers them on one. What a reader has answered is kept, and forgotten, by ``quiz.js``.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.exercises import elements, folds, progress, quiz, sheet


def setup(app):
    for part in (folds, elements, quiz, progress, sheet):
        part.connect(app)
    return SAFE
