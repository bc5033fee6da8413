"""What a reader has answered: ``{progress}`` lists the questions of all pages, by page.

Without a script it is a list of links. quiz.js keeps answers and finished pages on the reader's
device alone, and shows on this list which answers were right and which pages to read again.
"""

from itertools import starmap

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from sphinx_lectures.exercises.elements import SKIPPED, element
from sphinx_lectures.exercises.private import link_to_question, numbers
from sphinx_lectures.other_pages import link_to


class progress(nodes.General, nodes.Element):
    """Where the questions of all pages are to be listed."""


class Progress(SphinxDirective):
    """``{progress}``: the questions of all pages, and how the reader has answered them."""

    def run(self):
        return [progress()]


class ListQuestions(SphinxPostTransform):
    """Put the list in the place of each ``{progress}``."""

    default_priority = 5  # before references are resolved
    formats = ("html",)

    def run(self):
        for node in list(self.document.findall(progress)):
            score = element("p", class_="quiz-score", role="status")
            listed = nodes.bullet_list("", *starmap(self._row, numbers(self.env).items()))
            button = element("button", nodes.Text("Forget my answers"), type="button")
            forget = element("p", button, class_="quiz-forget")
            node.replace_self(element("div", score, listed, forget, class_="quiz-progress"))

    def _row(self, page, questions):
        row = nodes.paragraph("", "", link_to(page), nodes.Text(":"))
        for name, number in questions.items():
            row += [nodes.Text(" "), link_to_question(self.env, page, name, number)]
        return nodes.list_item("", row)


def connect(app):
    app.add_node(progress, **SKIPPED)
    app.add_directive("progress", Progress)
    app.add_post_transform(ListQuestions)
