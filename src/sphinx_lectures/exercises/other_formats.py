"""Quizzes are made for HTML: what writes other formats leaves them out, and says so.

So do the lists of the questions of all pages, of which nothing needs to be said.
"""

from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from sphinx_lectures import NOT_HTML
from sphinx_lectures.exercises.progress import progress
from sphinx_lectures.exercises.quiz import quiz
from sphinx_lectures.exercises.sheet import sheet

logger = logging.getLogger(__name__)
KINDS = (quiz, progress, sheet)


class LeaveOut(SphinxPostTransform):
    """Takes out what cannot be written."""

    default_priority = 2  # before lists of questions are made
    formats = NOT_HTML

    def run(self):
        for node in list(self.document.findall(lambda node: isinstance(node, KINDS))):
            if isinstance(node, quiz):
                words = "a quiz is left out: it is made for HTML only"
                logger.warning(words, location=node, type="lectures", subtype="quiz")
            node.parent.remove(node)


def connect(app):
    app.add_post_transform(LeaveOut)
