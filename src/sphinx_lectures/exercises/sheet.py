"""All questions of the site on one page to print, and all answers on another.

``{questions}`` shows the questions of all quizzes with room to write, ``{key}`` what is right and
why. Both show an exercise, and its solution, if its class is ``exercise question``.
"""

from itertools import compress
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from sphinx_lectures import add_static_files
from sphinx_lectures.exercises.elements import SKIPPED, element
from sphinx_lectures.exercises.folds import is_exercise, is_solution
from sphinx_lectures.exercises.private import is_cell, link_to_question, numbers
from sphinx_lectures.exercises.quiz import quiz
from sphinx_lectures.other_pages import absolute, follow, link_to

STYLE = Path(__file__).with_name("sheet.css")
MARK = "quiz_sheet"  #: in the metadata of a page that shows questions or answers of others


class sheet(nodes.General, nodes.Element):
    """Where the questions of all pages are shown; their answers, if it is a `key`."""


class Sheet(SphinxDirective):
    """``{questions}`` and ``{key}``."""

    def run(self):
        self.env.metadata[self.env.docname][MARK] = True
        return [sheet(key=self.name == "key")]


class ShowSheets(SphinxPostTransform):
    """Put the questions of all pages, or their answers, in the place of a sheet."""

    default_priority = 3  # before references are resolved
    formats = ("html",)

    def run(self):
        for node in list(self.document.findall(sheet)):
            parts_of = _answered if node["key"] else _asked
            pages = numbers(self.env).items()
            sections = [self._section(page, named, parts_of) for page, named in pages]
            node.replace_self(nodes.container("", *sections, classes=["quiz-sheet"]))

    def _section(self, docname, named, parts_of):
        """What a page asks, below its title."""
        section = nodes.section("", nodes.title("", "", link_to(docname)))
        section["ids"].append(nodes.make_id(docname))
        for question in self.env.get_doctree(docname).findall(_is_question):
            link = self._link(docname, question, named)
            name = nodes.paragraph("", "", link, classes=["sheet-name"])
            item = nodes.container("", name, *parts_of(question), classes=["sheet-item"])
            absolute(item, self.env, docname)
            item["ids"] = question["ids"]
            item["classes"] += ["sheet-essay"] * is_exercise(question)
            section += item
        return section

    def _link(self, docname, question, named):
        """The name of a question, which leads to its place."""
        name = question["ids"][0]
        if is_exercise(question):
            words = [part for part in question[0] if not isinstance(part, nodes.reference)]
            label = "".join(part.astext() for part in words)
        else:
            label = self.config.numfig_format["quiz"] % named[name]
        return link_to_question(self.env, docname, name, label)


def _is_question(node):
    return isinstance(node, quiz) or (is_exercise(node) and "question" in node["classes"])


def _asked(question):
    """The parts of a question for those who are to answer it."""
    question = question.deepcopy()
    if is_exercise(question):
        return [*question[1:], nodes.container(classes=["sheet-room"])]
    legend, *more, controls = _elements(question, "fieldset")[0]
    text = [nodes.paragraph("", "", *legend[1:]), *more]
    if _elements(controls, "input")[0]["html"]["type"] == "text":
        return [*text, nodes.container(classes=["sheet-line"])]
    hint = [element("p", *hint.children) for hint in _elements(controls, "p")]
    choices = [element("li", *label[1:]) for label in _elements(controls, "label")]
    return [*text, *hint, element("ul", *choices, class_="sheet-choices")]


def _answered(question):
    """The parts of the answer to a question."""
    if is_exercise(question):
        solution = question.next_node(is_solution, descend=False, siblings=True)
        return [part.deepcopy() for part in solution[1:] if not is_cell(part)] if solution else []
    question = question.deepcopy()
    answers = _elements(question, "details")[0][-1]
    marked = ["data-right" in answer["html"] for answer in answers]
    for answer in answers:
        answer["html"] = {}
    if answers["tag"] == "ul":  # it says what is right itself
        return [answers]
    right = [label[1:] for label in compress(_elements(question, "label"), marked)]
    return [*(nodes.paragraph("", "", *words) for words in right), answers]


def _elements(node, tag):
    return [found for found in node.findall(element) if found["tag"] == tag]


def _sources(env):
    return {name: set(numbers(env)) for name, known in env.metadata.items() if MARK in known}


def _load(app, pagename, templatename, context, doctree):
    if MARK in app.env.metadata.get(pagename, ()):
        app.add_css_file(STYLE.name)


def connect(app):
    app.add_node(sheet, **SKIPPED)
    app.add_directive("questions", Sheet)
    app.add_directive("key", Sheet)
    app.add_post_transform(ShowSheets)
    app.connect("html-page-context", _load)
    add_static_files(app, STYLE)
    follow(app, _sources)
