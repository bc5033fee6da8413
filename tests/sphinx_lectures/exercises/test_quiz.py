"""A quiz is written as a list and stands in the page as a form; a wrong one is complained of."""

import json
import re

import pytest
import tiny_site
from bs4 import BeautifulSoup

from sphinx_lectures.exercises.syntax import pattern, read

SINGLE = """
Which matrix multiplies the *old* state $h$?

- [ ] $W_{xh}$
  It multiplies the `input`.

  ```python
  x @ W_xh
  ```
- [x] $W_{hh}$
  Yes: from state to state, see [there](https://example.org).
- [ ] 1. neither
  One of them does.
"""
SEVERAL = """
What changes?

- [X] the state
- [ ] a weight
  Not while the network reads.
- [x] the input
"""
FILL = """
How large is $\\ln 4$?

- = 1.386 ± 0.005 | ln 4
  Yes.
- ~ 4 | 1/4
  Take the logarithm.
- ~ *
  Count the classes.
"""


SETTINGS = {
    "myst_enable_extensions": ["dollarmath"],
    "numfig": True,
}


@pytest.fixture
def build(tmp_path):
    """Build a site of quizzes; the parsed pages by name, and what was warned of."""

    def build(*quizzes, more="", **pages):
        text = "\n\n".join(f"````{{quiz}}\n{quiz.strip()}\n````" for quiz in quizzes)
        pages = {"index": f"# Page\n\n{text}\n\n{more}\n", **pages}
        for page, text in pages.items():
            (tmp_path / f"{page}.md").write_text(text, encoding="utf-8")
        extensions = ["myst_parser", "sphinx_lectures.text", "sphinx_lectures.exercises"]
        out, said = tiny_site.build(tmp_path, extensions, **SETTINGS)
        texts = {page: (out / f"{page}.html").read_text(encoding="utf-8") for page in pages}
        parsed = {page: BeautifulSoup(html, "html.parser") for page, html in texts.items()}
        return parsed if len(parsed) > 1 else parsed["index"], said

    return build


def test_one_right_choice_makes_radio_buttons_under_a_legend(build):
    page, warnings = build(SINGLE)
    assert warnings == ""
    assert page.select_one("fieldset > legend").get_text().startswith("Question 1 Which matrix")
    inputs = page.select("fieldset label > input[type=radio]")
    assert len(inputs) == 3 and {element["name"] for element in inputs} == {"quiz-1"}


def test_every_choice_has_words_in_its_label_even_if_it_is_a_formula(build):
    page, _ = build(SINGLE)
    labels = page.select(".quiz-choices label")
    assert [label.find("span").get_text() for label in labels] == ["A. ", "B. ", "C. "]
    assert [bool(label.find("math")) for label in labels] == [True, True, False]
    assert labels[2].get_text().split() == ["C.", "1.", "neither"]  # not a list in a label


def test_several_right_choices_make_checkboxes(build):
    page, warnings = build(SEVERAL)
    assert warnings == ""
    assert len(page.select("input[type=checkbox]")) == 3
    assert "Choose all that apply." in page.select_one("fieldset").get_text()


def test_fill_in_has_a_labelled_field_and_patterns(build):
    page, warnings = build(FILL)
    assert warnings == ""
    assert page.select_one("label > input[type=text]").parent.get_text().strip() == "Your answer"
    accepted, wrong, other = page.select(".quiz-answers li")
    assert accepted["data-right"] and not wrong.has_attr("data-right")
    assert json.loads(accepted["data-accept"]) == [[1.386, 0.005], "ln 4"]
    assert json.loads(wrong["data-accept"]) == [[4.0, 0.0], [0.25, 0.0]]
    assert other["data-other"] and not other.has_attr("data-accept")


def test_answers_stand_in_a_closed_box_with_their_explanations(build):
    page, _ = build(SINGLE)
    box = page.select_one(".quiz > details")
    assert not box.has_attr("open") and box.summary.get_text() == "Answers"
    assert [item.strong.get_text() for item in box.select("li")] == ["Wrong.", "Right.", "Wrong."]
    first, second, _ = box.select(".quiz-why")
    assert first.select_one("p code").get_text() == "input"
    assert "x @ W_xh" in first.select_one("pre").get_text()
    assert second.a["href"] == "https://example.org"


def test_verdict_has_a_live_region_that_starts_empty(build):
    page, _ = build(SINGLE)
    assert page.select_one("[role=status]").get_text() == ""


def test_a_named_quiz_can_be_referred_to_by_its_number(build):
    named = ":name: quiz-matrix\n" + SINGLE
    page, warnings = build(SEVERAL, named, more="See {numref}`quiz-matrix`.")
    assert warnings == ""
    link = page.select_one("a[href='#quiz-matrix']")
    assert link.get_text() == "Question 2"
    assert page.find(id="quiz-matrix").legend.get_text().startswith("Question 2 ")


def test_only_a_page_with_a_quiz_loads_script_and_style(build):
    more = "```{toctree}\nother\n```"
    pages, warnings = build(SINGLE, more=more, other="# Other\n\nNo quiz.")
    assert warnings == ""
    assert pages["index"].select_one("script[src*='quiz.js'][defer]")
    assert pages["index"].select_one("link[href*='quiz.css']")
    assert "quiz" not in " ".join(map(str, pages["other"].select("script, link[rel=stylesheet]")))


def test_code_in_the_question_is_not_read_as_an_answer(build):
    page, warnings = build(SEVERAL.replace("\n\n", "\n\n```\n- [x] code\n```\n\n", 1))
    assert warnings == ""
    assert len(page.select(".quiz input")) == 3
    assert "- [x] code" in page.select_one("fieldset pre").get_text()


@pytest.mark.parametrize(
    ("quiz", "line", "complaint"),
    [
        ("Why?\n\n- [ ] a\n  No.\n- [ ] b\n  No.", 3, "no answer is right"),
        ("Why?\n\n- [x] a\n- [ ] b", 7, "nothing explains why 'b' is wrong"),
        ("\n\n- [x] a\n- [ ] b\n  No.", 3, "the question is empty"),
        ("", 3, "the question is empty"),
        ("Why?\n\n- [x] a\n- = 4\n- ~ *\n  No.", 3, "do not mix"),
        ("Why?\n\n- = 4\n- ~ 5\n  No.", 3, "add `- ~ *`"),
        ("Why?\n\n- = 4\n- ~ *", 7, "nothing explains why any other answer is wrong"),
        ("Why?\n\n- [x] a\n- [x] b", 3, "no answer is wrong"),
        ("Why?\n\n- [x] a\n- [] b\n  No.", 7, "an answer begins with"),
        ("Why?\n\n- [x] a\n- [ ] b\nNo.", 8, "indented by two spaces"),
        ("Why?\n\n- [x]\n- [ ] b\n  No.", 6, "an answer is empty"),
        ("Why?\n\n- = a | b\n- ~ B\n  No.\n- ~ *\n  No.", 7, "'B' is given twice"),
        ("- why\n\n- [x] a\n- [ ] b\n  No.", 3, "begins with something else"),
    ],
)
def test_a_wrong_quiz_is_complained_of_with_page_and_line(build, quiz, line, complaint):
    text = f"# Page\n\n````{{quiz}}\n{quiz}\n````\n"
    _, warnings = build(index=text)
    assert re.search(rf"index\.md:{line}: WARNING: quiz: .*{re.escape(complaint)}", warnings)


def test_a_dead_reference_is_reported_at_its_line(build):
    quiz = "Why {ref}`one`?\n\n- [x] {ref}`two`\n- [ ] b\n  See {ref}`three`."
    _, warnings = build(quiz)
    found = re.findall(r"index\.md:(\d+): WARNING: undefined label: '(\w+)'", warnings)
    assert sorted(found) == [("4", "one"), ("6", "two"), ("8", "three")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", [4.0, 0.0]),
        ("−0.5 ± .01", [-0.5, 0.01]),
        ("1e-3 +- 0.1", [0.001, 0.1]),
        ("1/256", [1 / 256, 0.0]),
        ("W_hh", "W_hh"),
        ("4 steps", "4 steps"),
        ("1.", [1.0, 0.0]),
    ],
)
def test_numbers_are_told_from_words(text, expected):
    assert pattern(text) == expected


def test_explanations_keep_their_own_indentation():
    _, (answer, _), complaints = read(["Q?", "- [ ] a", "  - b", "    c", "- [x] d"])
    assert complaints == [] and answer.why == ["- b", "  c"]


@pytest.mark.parametrize("builder", ["latex", "text"])
def test_builder_that_writes_no_html_leaves_a_quiz_out_and_says_so(tmp_path, builder):
    lists = "```{progress}\n```\n\n```{questions}\n```\n"
    text = f"# Page\n\n```{{quiz}}\n{SEVERAL}```\n\n{lists}"
    (tmp_path / "index.md").write_text(text, encoding="utf-8")
    extensions = ["myst_parser", "sphinx_lectures.exercises"]
    _, said = tiny_site.build(tmp_path, extensions, builder, numfig=True)
    assert re.search(r"index\.md:3: .*a quiz is left out", said)


def test_progress_lists_the_questions_of_all_pages_in_their_order(build):
    question = "```{{quiz}}\n:name: quiz-{}\n\nWhat?\n\n- [x] this\n- [ ] that\n  No.\n```\n"
    pages, said = build(
        more="```{progress}\n```\n\n```{toctree}\nlater\nearlier\nnone\n```",
        later="# Second\n\n" + question.format("second"),
        earlier="# Third\n\n" + question.format("third") + question.format("last"),
        none="# No question\n",
    )
    assert said == ""
    rows = [row.get_text(" ", strip=True) for row in pages["index"].select(".quiz-progress li")]
    assert rows == ["Second : 1", "Third : 2 3"]
    links = [link["href"] for link in pages["index"].select(".quiz-progress li a")]
    assert links == [
        *("later.html", "later.html#quiz-second"),
        *("earlier.html", "earlier.html#quiz-third", "earlier.html#quiz-last"),
    ]


def test_a_page_with_questions_can_be_marked_as_finished_and_no_other(build):
    pages, _ = build(SINGLE, more="```{toctree}\nnone\n```", none="# None\n")
    (button,) = pages["index"].select("button.quiz-finish")
    assert button["type"] == "button" and button["aria-pressed"] == "false"
    assert not pages["none"].select(".quiz-finish")
