"""A quiz that answers back: the question with native controls, and every explanation in the page.

What an author writes is read by `syntax`. The explanations stand in a closed box that needs no
script; quiz.js repeats the one that fits in a live region as soon as a reader has answered.
"""

import json
from pathlib import Path
from string import ascii_uppercase

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from sphinx_lectures import NOT_HTML, add_files
from sphinx_lectures.exercises.elements import element
from sphinx_lectures.exercises.private import write_number
from sphinx_lectures.exercises.syntax import pattern, read, variants

logger = logging.getLogger(__name__)

FINISH = """\
<p><button type="button" class="quiz-finish" aria-pressed="false">\
I have finished this page</button></p>
"""


class quiz(nodes.General, nodes.Element):
    """A question with a number and a name of its own."""


class number(nodes.Inline, nodes.Element):
    """Where the number of the quiz around it is written."""


class Quiz(SphinxDirective):
    """``{quiz}``: a question, and below it a list of answers."""

    has_content = True
    option_spec = {"name": directives.unchanged}  # noqa: RUF012

    def run(self):
        question, answers, complaints = read(list(self.content))
        blocks = [] if complaints else self._parse(question, 0)
        if blocks and not isinstance(blocks[0], nodes.paragraph):
            complaints = [(None, "the question begins with something else than a sentence")]
        for line, message in complaints:
            place = self.env.docname, self.lineno if line is None else self._line(line)
            logger.warning("quiz: %s", message, location=place, type="lectures", subtype="quiz")
        return [] if complaints else [self._quiz(blocks, answers)]

    def _line(self, offset):
        return self.lineno + self.content_offset + offset + 1

    def _parse(self, lines, offset):
        parent = nodes.Element()
        self.state.nested_parse(StringList(lines), self.content_offset + offset, parent)
        return parent.children

    def _quiz(self, question, answers):
        node = quiz()
        self.set_source_info(node)
        count = self.env.new_serialno("quiz") + 1
        if "name" in self.options:
            self.add_name(node)
        else:
            node["ids"].append(f"quiz-{count}")
            self.state.document.note_explicit_target(node, node)
        legend = element("legend", number(), nodes.inline("", "", *question[0].children))
        fill = answers[0].mark in "=~"
        controls = self._field() if fill else self._choices(answers, node["ids"][0])
        node += element(
            "form",
            element("fieldset", legend, *question[1:], controls),
            element("button", nodes.Text("Check"), type="submit"),
            element("div", role="status", class_="quiz-verdict"),
        )
        solution = element("ul") if fill else element("ol", type="A")
        solution += [self._explained(answer) for answer in answers]
        summary = element("summary", nodes.Text("Answers"))
        node += element("details", summary, solution, class_="quiz-answers")
        return node

    def _field(self):
        field = element("input", type="text", autocomplete="off", autocapitalize="off")
        field["html"] |= {"spellcheck": "false"}
        return element("label", nodes.Text("Your answer "), field, class_="quiz-field")

    def _choices(self, answers, name):
        several = sum(answer.right for answer in answers) > 1
        choices = element("ul", class_="quiz-choices")
        for letter, answer in zip(ascii_uppercase, answers, strict=False):
            text, _ = self.parse_inline(answer.text, lineno=self._line(answer.line) - 1)
            control = element("input", type="checkbox" if several else "radio", name=name)
            # The letter is text of its own: a formula alone does not count as a label.
            words = nodes.inline("", f"{letter}. "), nodes.inline("", "", *text)
            choices += element("li", element("label", control, *words))
        if several:
            hint = element("p", nodes.Text("Choose all that apply."), class_="quiz-hint")
            return element("div", hint, choices)
        return choices

    def _explained(self, answer):
        """An item of the closed box: right or wrong, which words, and why."""
        blocks = self._parse(answer.why, answer.line + 1)
        said = element("p", nodes.strong("", "Right." if answer.right else "Wrong."))
        html = {"data_right": "true"} if answer.right else {}
        if answer.mark in "=~":
            said = element("p", nodes.strong("", "Right:" if answer.right else "Wrong:"))
            if answer.text == "*":
                said += nodes.Text(" anything else.")
                html["data_other"] = "true"
            else:
                for i, text in enumerate(variants(answer)):
                    said += [nodes.Text(", " if i else " "), nodes.literal("", text)]
                patterns = [pattern(text) for text in variants(answer)]
                html["data_accept"] = json.dumps(patterns, ensure_ascii=False)
        return element("li", said, element("div", *blocks, class_="quiz-why"), **html)


def _title(node):
    """What a reference says that has no words of its own and asks for no number."""
    return "this question"


def _visit_number(translator, node):
    while not isinstance(node, quiz):
        node = node.parent
    write_number(translator, node)
    raise nodes.SkipNode


def _visit(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="quiz"))


def _depart(translator, node):
    translator.body.append("</div>\n")


def _leave_out(translator, node):
    words = "a quiz is left out: it is made for HTML only"
    logger.warning(words, location=node, type="lectures", subtype="quiz")
    raise nodes.SkipNode


def _offer(app, pagename, templatename, context, doctree):
    """A page with questions can be marked as finished."""
    if doctree and next(doctree.findall(quiz), None):
        context["body"] += FINISH


def _name_numbers(app, config):
    config.numfig_format = {"quiz": "Question %s", **config.numfig_format}


def connect(app):
    app.add_directive("quiz", Quiz)
    others = dict.fromkeys(NOT_HTML, (_leave_out, None))
    app.add_enumerable_node(quiz, "quiz", _title, html=(_visit, _depart), **others)
    app.add_node(number, html=(_visit_number, None))
    app.connect("config-inited", _name_numbers)
    app.connect("html-page-context", _offer)
    add_files(app, Path(__file__).with_name("quiz.js"), quiz)
