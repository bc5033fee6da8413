"""Quizzes are made for HTML: what writes other formats leaves them out, and says so."""

from __future__ import annotations

from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from sphinx_lectures import NOT_HTML
from sphinx_lectures.quiz.directive import quiz

logger = logging.getLogger(__name__)


class LeaveOut(SphinxPostTransform):
    """Takes out what cannot be written."""

    default_priority = 3
    formats = NOT_HTML

    def run(self):
        for node in list(self.document.findall(quiz)):
            words = "a quiz is left out: it is made for HTML only"
            logger.warning(words, location=node, type="lectures", subtype="quiz")
            node.parent.remove(node)


def connect(app):
    app.add_post_transform(LeaveOut)
