"""What a reader has answered: ``{progress}`` lists the questions of all pages, by page.

Without a script it is a list of links. quiz.js keeps answers and finished pages on the reader's
device alone, and shows on this list which answers were right and which pages to read again.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from sphinx_lectures import by_page, note_by_page
from sphinx_lectures.quiz.elements import element
from sphinx_lectures.quiz.private import pages_below


class progress(nodes.General, nodes.Element):
    """Where the questions of all pages are to be listed."""


class Progress(SphinxDirective):
    """``{progress}``: the questions of all pages, and how the reader has answered them."""

    def run(self):
        return [progress()]


def note_question(env, name):
    """Remember that the page that is being read has a question of this name."""
    _questions(env).setdefault(env.docname, []).append(name)


def _questions(env):
    """The names of the questions on each page that has some."""
    return by_page(env, "lectures_questions")


class ListQuestions(SphinxPostTransform):
    """Put the list in the place of each ``{progress}``."""

    default_priority = 5  # before references are resolved
    formats = ("html",)

    def run(self):
        for node in list(self.document.findall(progress)):
            pages = pages_below(self.env, self.config.root_doc)
            rows = [self._row(page) for page in pages if _questions(self.env).get(page)]
            score = element("p", class_="quiz-score", role="status")
            button = element("button", nodes.Text("Forget my answers"), type="button")
            forget = element("p", button, class_="quiz-forget")
            listed = nodes.bullet_list("", *rows)
            node.replace_self(element("div", score, listed, forget, class_="quiz-progress"))

    def _row(self, page):
        row = nodes.paragraph("", "", self._reference("doc", f"/{page}"), nodes.Text(":"))
        for name in _questions(self.env)[page]:
            row += [nodes.Text(" "), self._reference("numref", name, "%s")]
        return nodes.list_item("", row)

    def _reference(self, kind, target, text=""):
        link = pending_xref(
            refdomain="std",
            reftype=kind,
            reftarget=target,
            refexplicit=bool(text),
            refdoc=self.env.docname,
            refwarn=True,
        )
        link += nodes.inline("", text)
        return link


def connect(app):
    app.add_node(progress)
    app.add_directive("progress", Progress)
    app.add_post_transform(ListQuestions)
    note_by_page(app, "lectures_questions")
