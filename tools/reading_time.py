"""How long a lecture takes to read: the rule behind the minutes on the first page.

``python tools/reading_time.py`` prints the minutes of every lecture of the built site.
"""

from __future__ import annotations

from pathlib import Path

from bs4 import BeautifulSoup

WORDS_A_MINUTE = 180
FORMULA = 0.25  #: minutes for a displayed formula; one in a line counts as a word
LINE_OF_CODE = 0.05  #: minutes
STEP = 5  #: minutes, to which the first page rounds
#: What is not read in passing: the tasks, what is folded, and what belongs to the page's frame.
LEFT_OUT = """
    .exercise, .solution, details, #exercises, #further-reading, .quiz-progress, .quiz-finish,
    .notebook-download, .print-links, .repository-links, .headerlink, .explorable-control, button,
    svg, script, .cell_output, .eqno"""


def minutes(article):
    """Minutes to read a page.

    Parameters
    ----------
    article : bs4.Tag
        The article of a built page; it is changed.
    """
    for part in article.select(LEFT_OUT):
        part.extract()
    code = [part.extract() for part in article.select("pre")]
    lines = sum(len(part.get_text().strip().split("\n")) for part in code)
    formulas = [part.extract() for part in article.select(".equation")]
    for formula in article.select("math"):
        formula.replace_with(" formula ")
    words = len(article.get_text(" ").split())
    return words / WORDS_A_MINUTE + len(formulas) * FORMULA + lines * LINE_OF_CODE


def minutes_of(path):
    """Minutes to read the built page in a file."""
    html = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return minutes(html.select_one("article.bd-article"))


if __name__ == "__main__":
    for page in sorted(Path("_build/html/lectures").glob("*.html")):
        print(f"{STEP * round(minutes_of(page) / STEP):3d}  {page.stem}")
