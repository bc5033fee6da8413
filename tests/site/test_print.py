"""A lecture on paper: light whatever the theme, with nothing that works on a screen only."""

import re
import subprocess
import sys
from pathlib import Path

import browser as browser_tool
import pytest

PAGE = "lectures/recurrence.html"
#: What must not be seen on paper.
SCREEN_ONLY = (
    ".notebook-download, .print-links, .bd-sidebar-primary, .bd-sidebar-secondary, .bd-header,"
    " .bd-header-article, .prev-next-area, .headerlink, .copybtn, .quiz button, .cite-page,"
    " .explorable-control, #jb-print-docs-body, .quiz-answers > summary"
)
VISIBLE = "(e => e.checkVisibility() && e.getBoundingClientRect().height > 0)"
#: Text that is nearly as light as the paper.
PALE = """() => [...document.querySelectorAll("article :is(p, h2, h3, pre span, td, text, math)")]
  .filter(e => e.checkVisibility() && e.textContent.trim())
  .map(e => [getComputedStyle(e)[e.localName === "text" ? "fill" : "color"], e.textContent])
  .filter(([color]) => (color.match(/\\d+/g) ?? []).slice(0, 3).every(part => +part > 150))"""


@pytest.fixture
def on_paper(context, site):
    """Open a page as it is printed: in a mode, from a theme."""
    opened = []

    def open_page(name=PAGE, mode="", theme="dark"):
        page = context(theme).new_page()
        opened.append(page)
        page.goto(f"{(site / name).as_uri()}{mode and '?print=' + mode}")
        page.wait_for_load_state()
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        return page

    yield open_page
    for page in opened:
        page.close()


def test_page_is_printed_light_and_then_is_as_it_was(on_paper):
    page = on_paper()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate(PALE) == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_nothing_of_the_screen_is_printed(on_paper):
    page = on_paper()
    seen = f"s => [...document.querySelectorAll(s)].filter({VISIBLE}).map(e => e.className)"
    assert page.evaluate(seen, SCREEN_ONLY) == []
    assert page.evaluate(seen, "article details:not([open])") == []
    assert page.evaluate(seen, "article h1") != []


def test_hand_out_has_room_to_write_and_no_solution(on_paper):
    page = on_paper(mode="handout")
    seen = f"s => [...document.querySelectorAll(s)].filter({VISIBLE}).length"
    assert page.evaluate(seen, "details.solution, .quiz-answers") == 0
    room = """() => [...document.querySelectorAll(".admonition.exercise")].map(
      box => parseFloat(getComputedStyle(box, "::after").height))"""
    rooms = page.evaluate(room)
    assert rooms and min(rooms) > 150


def test_with_solutions_all_of_them_are_open_and_close_again(on_paper):
    page = on_paper(mode="solutions")
    closed = "details.solution:not([open]), .quiz-answers:not([open])"
    count = f"document.querySelectorAll('{closed}').length"
    assert page.evaluate(count) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(count) > 5


def test_nothing_is_wider_than_the_paper(on_paper, pages, site):
    for path in pages:
        page = on_paper(path.relative_to(site).as_posix(), "solutions", "light")
        page.set_viewport_size({"width": 680, "height": 900})  # A4 less its margins
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 681, path
        page.close()


@pytest.mark.parametrize("mode", ["handout", "solutions"])
def test_a_link_prints_in_its_mode(context, site, mode):
    page = context().new_page()
    page.add_init_script("window.print = () => { dispatchEvent(new Event('beforeprint')) }")
    page.goto((site / PAGE).as_uri())
    page.locator(f".print-links a[href*={mode}]").click()
    classes = page.evaluate("document.documentElement.className")
    assert ("handout" if mode == "handout" else "with-solutions") in classes
    page.close()


def test_no_box_is_moved_whole_to_the_next_page_for_its_code(on_paper):
    page = on_paper()
    rules = "s => [...document.querySelectorAll(s)].map(e => getComputedStyle(e).breakInside)"
    assert set(page.evaluate(rules, "article pre, div.cell_input, div.cell")) == {"auto"}


def test_files_to_print_have_an_outline_and_name_no_file_of_this_machine(site, tmp_path):
    browser = subprocess.check_output([sys.executable, browser_tool.__file__], text=True).strip()
    command = [sys.executable, Path(browser_tool.__file__).with_name("pdf.py"), browser]
    command += ["--site", site]
    command += ["--to", tmp_path, "--pages", "recurrence"]
    subprocess.run(command, check=True, capture_output=True)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["recurrence.pdf", "recurrence_handout.pdf"]
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert b"/Outlines" in content and b"/StructTreeRoot" in content
        assert 5 < len(re.findall(rb"/Type\s*/Page\b", content)) < 30
        assert b"file://" not in content
