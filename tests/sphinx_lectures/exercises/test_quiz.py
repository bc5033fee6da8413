"""A quiz is written as a list and stands in the page as a form; a wrong one is complained of."""

import json
import re

import pytest
import tiny_site

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
EXTENSIONS = ["myst_parser", "sphinx_lectures.text", "sphinx_lectures.exercises"]
OTHER = "```{toctree}\nother\n```\n"


def build(folder, *quizzes, more="", **pages):
    """Build a site of quizzes; the parsed pages by name, and what was warned of."""
    text = "\n\n".join(f"````{{quiz}}\n{quiz.strip()}\n````" for quiz in quizzes)
    pages = {"index": f"# Page\n\n{text}\n\n{more}\n", **pages}
    tiny_site.write(folder, {f"{page}.md": text for page, text in pages.items()})
    extensions = ["dollarmath"]
    out, said = tiny_site.build(folder, EXTENSIONS, myst_enable_extensions=extensions, numfig=True)
    return {page: tiny_site.page(out, page) for page in pages}, said


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page with a quiz of each kind, of which the last has a name, and one without."""
    more, other = f"See {{numref}}`quiz-log`.\n\n{OTHER}", "# Other\n\nNo quiz."
    quizzes = SINGLE, SEVERAL, f":name: quiz-log\n{FILL}"
    pages, said = build(tmp_path_factory.mktemp("site"), *quizzes, more=more, other=other)
    assert said == ""
    return pages


@pytest.fixture
def quizzes(pages):
    return pages["index"].select(".quiz")


def test_one_right_choice_makes_radio_buttons_under_a_legend(quizzes):
    assert quizzes[0].select_one("fieldset > legend").get_text().startswith("Question 1 Which mat")
    inputs = quizzes[0].select("fieldset label > input[type=radio]")
    assert len(inputs) == 3 and {element["name"] for element in inputs} == {"quiz-1"}


def test_every_choice_has_words_in_its_label_even_if_it_is_a_formula(quizzes):
    labels = quizzes[0].select(".quiz-choices label")
    assert [label.find("span").get_text() for label in labels] == ["A. ", "B. ", "C. "]
    assert [bool(label.find("math")) for label in labels] == [True, True, False]
    assert labels[2].get_text().split() == ["C.", "1.", "neither"]  # not a list in a label


def test_several_right_choices_make_checkboxes(quizzes):
    assert len(quizzes[1].select("input[type=checkbox]")) == 3
    assert "Choose all that apply." in quizzes[1].select_one("fieldset").get_text()


def test_fill_in_has_a_labelled_field_and_patterns(quizzes):
    field = quizzes[2].select_one("label > input[type=text]")
    assert field.parent.get_text().strip() == "Your answer"
    accepted, wrong, other = quizzes[2].select(".quiz-answers li")
    assert accepted["data-right"] and not wrong.has_attr("data-right")
    assert json.loads(accepted["data-accept"]) == [[1.386, 0.005], "ln 4"]
    assert json.loads(wrong["data-accept"]) == [[4.0, 0.0], [0.25, 0.0]]
    assert other["data-other"] and not other.has_attr("data-accept")


def test_answers_stand_in_a_closed_box_and_the_verdict_begins_empty(quizzes):
    box = quizzes[0].find("details", recursive=False)
    assert not box.has_attr("open") and box.summary.get_text() == "Answers"
    assert [item.strong.get_text() for item in box.select("li")] == ["Wrong.", "Right.", "Wrong."]
    first, second, _ = box.select(".quiz-why")
    assert first.select_one("p code").get_text() == "input"
    assert "x @ W_xh" in first.select_one("pre").get_text()
    assert second.a["href"] == "https://example.org"
    assert quizzes[0].select_one("[role=status]").get_text() == ""


def test_a_named_quiz_can_be_referred_to_by_its_number(pages):
    assert pages["index"].select_one("a[href='#quiz-log']").get_text() == "Question 3"
    assert pages["index"].find(id="quiz-log").legend.get_text().startswith("Question 3 ")


def test_only_a_page_with_a_quiz_loads_its_files_and_can_be_marked_as_finished(pages):
    assert pages["index"].select_one("script[src*='quiz.js'][defer]")
    assert pages["index"].select_one("link[href*='quiz.css']")
    assert "quiz" not in " ".join(map(str, pages["other"].select("script, link[rel=stylesheet]")))
    (button,) = pages["index"].select("button.quiz-finish")
    assert button["type"] == "button" and button["aria-pressed"] == "false"
    assert not pages["other"].select(".quiz-finish")


def test_code_in_the_question_is_not_read_as_an_answer(tmp_path):
    quiz = SEVERAL.replace("\n\n", "\n\n```\n- [x] code\n```\n\n", 1)
    pages, warnings = build(tmp_path, quiz)
    assert warnings == ""
    assert len(pages["index"].select(".quiz input")) == 3
    assert "- [x] code" in pages["index"].select_one("fieldset pre").get_text()


#: A quiz, and the line on which, and the words with which, it is complained of.
WRONG = [
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
]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What is said of a page for each wrong quiz."""
    pages = {
        f"page{i}": f"# Page\n\n````{{quiz}}\n{quiz}\n````\n" for i, (quiz, *_) in enumerate(WRONG)
    }
    return build(tmp_path_factory.mktemp("wrong"), **pages)[1]


@pytest.mark.parametrize(("number", "line", "words"), [(i, *w[1:]) for i, w in enumerate(WRONG)])
def test_a_wrong_quiz_is_complained_of_with_page_and_line(complaints, number, line, words):
    assert re.search(rf"page{number}\.md:{line}: WARNING: quiz: .*{re.escape(words)}", complaints)


def test_a_dead_reference_is_reported_at_its_line(tmp_path):
    quiz = "Why {ref}`one`?\n\n- [x] {ref}`two`\n- [ ] b\n  See {ref}`three`."
    _, warnings = build(tmp_path, quiz)
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
    tiny_site.write(tmp_path, {"index.md": text})
    _, said = tiny_site.build(tmp_path, EXTENSIONS, builder, numfig=True)
    assert re.search(r"index\.md:3: .*a quiz is left out", said)


def test_progress_lists_the_questions_of_all_pages_in_their_order(tmp_path):
    question = "```{{quiz}}\n:name: quiz-{}\n\nWhat?\n\n- [x] this\n- [ ] that\n  No.\n```\n"
    pages, said = build(
        tmp_path,
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
