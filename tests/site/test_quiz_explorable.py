"""A quiz and an explorable figure in a browser, by keyboard alone: on a small site of their own."""

import re

import matplotlib
import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from sphinx_lectures.figures import sliders as extension
from unrolled import explorable as library
from unrolled.explorable import explorable

QUIZZES = """# Page

```{quiz}
Which matrix multiplies the old state?

- [ ] $W_{xh}$
  It multiplies the *input*.
- [x] $W_{hh}$
  From state to state.
- [ ] $b_h$
  It multiplies nothing.
```

```{quiz}
What changes?

- [x] the state
- [ ] a weight
  Not while the network reads.
- [x] the input
```

```{quiz}
How large is $\\ln 4$?

- = 1.386 ± 0.005 | ln 4
  Its exponential is 4.
- ~ 4 | 1/4
  Take the logarithm.
- ~ *
  Count the classes.
```
"""
NUMBER = """```{quiz}
By which factor?

- = 0.79 ± 0.005
  Yes.
- ~ 1000
  That is its inverse.
- ~ *
  Take the root.
```
"""
STEPS = np.arange(1, 31)
# Of the theme's own code.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated. Check CHANGES")


def decay(ax, rate):
    ax.semilogy(STEPS, rate**STEPS, label="norm")
    ax.set(xlabel="step t", ylabel="norm", ylim=(1e-10, 2))


def sizes(ax, cell):
    ax.plot(STEPS, len(cell) * STEPS)
    ax.set(xlabel="step t", ylabel="size")


@pytest.fixture(scope="module")
def built(tmp_path_factory, request):
    """Address of the page; in place of the project's site, which these tests do not need."""
    source, root = tmp_path_factory.mktemp("site"), request.config.rootpath
    with matplotlib.rc_context(fname=root / "lectures/matplotlibrc"):
        figures = [
            explorable(decay, [0.5, 0.7, 0.9], name="rate", default=0.7),
            explorable(sizes, ["SimpleRNN", "LSTM"], name="cell", default="LSTM"),
        ]
    cells = [new_markdown_cell(QUIZZES)]
    for figure in figures:
        output = new_output("execute_result", figure._repr_mimebundle_(), execution_count=1)
        metadata = {"mystnb": {"image": {"alt": "A curve."}, "figure": {"caption": "A caption."}}}
        cells.append(new_code_cell("shown", outputs=[output], metadata=metadata))
    cells.append(new_markdown_cell(NUMBER))
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, source / "index.ipynb")
    settings = {
        "extensions": [
            "myst_nb",
            "sphinx_lectures.text",
            "sphinx_lectures.figures",
            "sphinx_lectures.exercises",
        ],
        "source_suffix": {".ipynb": "myst-nb"},
        "exclude_patterns": ["out", "jupyter_execute"],
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["dollarmath"],
        "numfig": True,
        "html_theme": "sphinx_book_theme",
        "html_static_path": [str(root / "docs/_static")],
        "html_css_files": ["fonts/fonts.css", "unrolled.css"],
        "templates_path": [str(root / "docs/_templates")],
    }
    out = source / "out"
    with docutils_namespace():
        Sphinx(
            source, None, out, out / ".doctrees", "html", settings, None, warningiserror=True
        ).build()
    return (out / "index.html").as_uri()


@pytest.fixture
def open_page(browser, built):
    """Open the page; an error of a script fails the test."""
    contexts, errors = [], []

    def open_page(theme="light", width=1200, **options):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(color_scheme=theme, viewport=size, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(built)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def verdict(page, count):
    """Lines that the live region of a quiz says."""
    said = page.locator(".quiz").nth(count).get_by_role("status").inner_text()
    return [line.strip() for line in said.split("\n") if line.strip()]


def reach(page, role, count=0):
    """Press Tab until the element of that role in that quiz or figure has the focus."""
    wanted = page.locator(".quiz, .explorable").nth(count).get_by_role(role).first
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"no {role} is reached by keyboard")


def test_single_choice_by_keyboard_says_why_it_is_wrong_and_then_right(open_page):
    page = open_page()
    reach(page, "radio")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert verdict(page, 0) == ["Not quite.", "It multiplies the input."]
    page.keyboard.press("ArrowDown")
    assert verdict(page, 0) == []  # the old verdict does not stand beside a new answer
    page.keyboard.press("Enter")
    assert verdict(page, 0) == ["Right.", "From state to state."]


def test_several_choices_by_keyboard_must_all_be_right(open_page):
    page = open_page()
    reach(page, "checkbox", 1)
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    said = " ".join(verdict(page, 1))
    assert said.startswith("Not quite. Right answers still missing: 1.")
    assert "B: Not while the network reads." in re.sub(r"\s+", " ", said)
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the button
    assert verdict(page, 1)[0] == "Right."


NOT_A_NUMBER = "The answer is a number, and this cannot be read as one."


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        *((text, "Right.") for text in ("0.79", "0,79", ".79", "79%", "79 %", "≈ 0.79")),
        *(
            (text, "Right.")
            for text in ("10^(-5/49)", "10**(-5/49)", "7.9e-1", "7,9·10^-1", "79/100")
        ),
        *((text, "That is its inverse.") for text in ("1000", "1,000", "1 000", "10^3")),
        *((text, "Take the root.") for text in ("0.5", "1/2", "½", "−3")),
        *((text, NOT_A_NUMBER) for text in ("a lot", "0..7", "1//2", "()", "1/", "0.79 times")),
    ],
)
def test_number_may_be_written_in_the_usual_ways_and_words_are_told_apart(open_page, typed, said):
    page = open_page()
    quiz = page.locator(".quiz").nth(3)
    quiz.get_by_role("textbox").fill(typed)
    quiz.get_by_role("button", name="Check").click()
    assert said in " ".join(verdict(page, 3)), verdict(page, 3)


def test_words_and_numbers_are_filled_in_by_keyboard(open_page):
    page = open_page()
    reach(page, "textbox", 2)
    for typed, said in {
        "": ["Type an answer first."],
        "1.39": ["Right.", "Its exponential is 4."],
        " Ln  4. ": ["Right.", "Its exponential is 4."],
        "1.40": ["Not quite.", "Count the classes."],
        "0.25": ["Not quite.", "Take the logarithm."],
        "1/4": ["Not quite.", "Take the logarithm."],
        "−1.386": ["Not quite.", "Count the classes."],
        "1/": ["Not quite.", "Count the classes."],
    }.items():
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        assert (typed, verdict(page, 2)) == (typed, said)


def test_nothing_chosen_asks_for_an_answer(open_page):
    page = open_page()
    page.locator(".quiz button").first.click()
    assert verdict(page, 0)[0] == "Choose an answer first."


def curve(page, count):
    """Heights of both ends of a figure's curve: the last path that is clipped to the axes."""
    path = page.locator(".explorable").nth(count).locator("g[clip-path] > path, path[clip-path]")
    return path.last.evaluate("p => [0, p.getTotalLength()].map(at => p.getPointAtLength(at).y)")


def test_slider_moves_the_curve_and_says_its_value(open_page):
    page = open_page()
    reach(page, "slider", 3)
    slider = page.get_by_role("slider")
    shown = {}
    for key, value in (("Home", "0.5"), ("ArrowRight", "0.7"), ("End", "0.9")):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == value
        assert page.locator(".explorable output").inner_text() == value
        shown[float(value)] = curve(page, 0)
    # Heights on the logarithmic axis are proportional to the logarithm of the rate.
    drops = {rate: heights[-1] - heights[0] for rate, heights in shown.items()}
    assert drops[0.5] / drops[0.9] == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.02)
    assert drops[0.7] / drops[0.9] == pytest.approx(np.log(0.7) / np.log(0.9), rel=0.02)


def test_choice_moves_the_curve_and_back(open_page):
    page = open_page()
    before = curve(page, 1)
    reach(page, "combobox", 4)
    page.keyboard.press("ArrowUp")
    after = curve(page, 1)
    assert (after[0] - after[-1]) / (before[0] - before[-1]) == pytest.approx(9 / 4, rel=0.01)
    page.keyboard.press("ArrowDown")
    assert curve(page, 1) == pytest.approx(before, abs=0.11)


def test_without_scripts_the_page_reads_and_the_boxes_open(open_page):
    page = open_page(java_script_enabled=False)
    for dead in ("input", "button", ".quiz-verdict", ".explorable-control"):
        assert page.locator(f"article {dead}:visible").count() == 0
    assert page.get_by_text("Which matrix multiplies the old state?").is_visible()
    assert page.locator(".quiz-choices li:visible").count() == 6
    assert page.locator(".explorable svg:visible").count() == 2
    hidden = page.get_by_text("Its exponential is 4."), page.locator(".explorable table").first
    assert not any(box.is_visible() for box in hidden)
    for summary in page.locator(".quiz-answers summary, .explorable-numbers summary").all():
        summary.click()
    assert all(box.is_visible() for box in hidden)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_page, theme):
    page = open_page(theme)
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    page.locator(".quiz input").first.check()
    page.locator(".quiz button").first.click()
    found = Axe().run(page, context="article")
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_has_large_targets_and_no_sideways_scroll(open_page, width):
    page = open_page(width=width)
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    targets = "article :is(label:has(input), .quiz button, [type=range], select, [type=text])"
    small = [box.bounding_box()["height"] for box in page.locator(targets).all()]
    assert len(small) == 16 and min(small) >= 44


def test_scripts_shift_nothing_when_they_arrive(open_page):
    late = open_page()
    late.route(re.compile("quiz.js|sliders.js"), lambda route: route.abort())
    late.reload()
    boxes = "[...document.querySelectorAll('.quiz, .explorable')].map(box => box.offsetHeight)"
    heights = [
        page.evaluate(f"document.fonts.ready.then(() => {boxes})") for page in (late, open_page())
    ]
    assert len(heights[0]) == 6 and heights[0] == heights[1]


def test_library_and_extension_name_the_same_kind_of_output():
    assert library.MIME_TYPE == extension.MIME_TYPE
