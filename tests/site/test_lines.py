"""Lines of text are neither too long nor too short to be followed, on every width of screen."""

from statistics import mean, median

import pytest

FEW, MANY = 60, 75
#: The letters of all full lines of each text that is words alone.
LINES = """() => [...document.querySelectorAll(".bd-article :is(p, li, dd)")].filter(text =>
    text.checkVisibility() && !text.closest("table, .quiz, .admonition-title") &&
    !text.querySelector("p, ul, ol, dl, div, pre, math, code")).map(text => {
  const range = document.createRange(), lines = [];
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  let bottom = -99;
  for (let node; node = walker.nextNode();)
    for (let i = 0; i < node.data.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      if (box.bottom > bottom + 9) lines.push(0);
      bottom = Math.max(bottom, box.bottom);
      lines[lines.length - 1]++;
    }
  return lines.slice(0, -1);
}).filter(lines => lines.length > 2)"""
#: Cells that end where lines of text do.
NARROW = """() => {
  const width = 0.8 * document.querySelector(".bd-article").clientWidth;
  return [...document.querySelectorAll(".bd-article > section > section > .cell")].filter(
    part => part.checkVisibility() && part.clientWidth < width).length;
}"""


@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_full_lines_have_60_to_75_letters(pages, context, width):
    page = context(viewport={"width": width, "height": 900}).new_page()
    texts = []
    for path in pages:
        page.goto(path.as_uri())
        texts += page.evaluate(LINES)
    page.context.close()
    assert len(texts) > 200
    assert FEW <= median(mean(lines) for lines in texts) <= MANY
    assert max(mean(lines) for lines in texts) <= MANY
    letters = [letters for lines in texts for letters in lines]
    assert sum(letters > MANY for letters in letters) < 0.01 * len(letters)


def test_code_and_figures_keep_the_width_of_the_column(context, site):
    page = context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto((site / "lectures/recurrence.html").as_uri())
    assert page.locator(".bd-article .cell").count() > 5
    assert page.evaluate(NARROW) == 0
    page.context.close()
