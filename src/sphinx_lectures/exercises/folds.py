"""Exercises with an address of their own, and solutions that are folded whole.

An exercise is an admonition of the class ``exercise``, a solution one of the class ``solution``.
The cells that follow a solution move into it, so that prose, code, output and figure open and close
together, on the screen and on paper. A cell that would give a solution away fails the build. Where
the prose of the page names an exercise by its number, it links to it.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from sphinx_lectures import add_style
from sphinx_lectures.exercises.private import is_cell, show_whole

logger = logging.getLogger(__name__)
LEAK = (
    "the cell stands outside the solution above: move it to the cells that follow the solution, or"
    " put a heading before it"
)
MENTION = re.compile(r"\b(?:exercise|task)\s\d+\b", re.IGNORECASE)


def is_exercise(node):
    """Whether a node is an exercise."""
    return isinstance(node, nodes.admonition) and "exercise" in node["classes"]


def is_solution(node):
    """Whether a node is a solution, or a section that gives answers away."""
    return isinstance(node, nodes.Element) and "solution" in node.get("classes", ())


class Fold(SphinxTransform):
    """Move the cells that follow a solution into it, and link to exercises."""

    default_priority = 500  # once classes and targets have been given to what they precede

    def apply(self):
        for exercise in filter(is_exercise, self.document.findall(nodes.admonition)):
            self._give_address(exercise)
        for solution in filter(is_solution, list(self.document.findall(nodes.admonition))):
            solution.setdefault("collapsible", "closed")
            self._fold(solution)
        for paragraph in list(self.document.findall(nodes.paragraph)):
            for text in [part for part in paragraph if isinstance(part, nodes.Text)]:
                paragraph.replace(text, list(self._linked(text)))

    def _linked(self, text):
        """The parts of a text, with links where it names an exercise of the page."""
        end = 0
        for mention in MENTION.finditer(text):
            name = nodes.make_id(mention[0])
            if is_exercise(self.document.ids.get(name)):
                yield nodes.Text(text[end : mention.start()])
                yield nodes.reference("", mention[0], refid=name, internal=True)
                end = mention.end()
        yield nodes.Text(text[end:])

    def _give_address(self, exercise):
        """An id from what stands before the colon, ``exercise-1``, and a link to it."""
        title = exercise[0]
        name = nodes.make_id(title.astext().partition(":")[0])
        if not exercise["ids"] and name and name not in self.document.ids:
            exercise["ids"].append(name)
            self.document.ids[name] = exercise
        if exercise["ids"]:
            here = {"refid": exercise["ids"][0], "reftitle": "Link to this exercise"}
            mark = self.config.html_permalinks_icon
            title += nodes.reference("", mark, classes=["headerlink"], internal=True, **here)

    def _fold(self, solution):
        following = solution.parent[solution.parent.index(solution) + 1 :]
        inside = True  # whether all so far belongs to the solution
        for node in following:
            if is_exercise(node) or is_solution(node) or isinstance(node, nodes.section):
                return
            if inside and (is_cell(node) or "finding" in node.get("classes", ())):
                node.parent.remove(node)
                solution += show_whole(node)
            elif is_cell(node):
                logger.warning("%s", LEAK, location=node, type="lectures", subtype="solution")
            elif not isinstance(node, nodes.Invisible):
                inside = False


def connect(app):
    add_style(app, Path(__file__).with_name("exercises.css"))
    app.add_transform(Fold)
