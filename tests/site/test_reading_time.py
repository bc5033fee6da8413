"""The minutes on the first page are those of the lectures, by the rule of tools/reading_time.py."""

import re

from bs4 import BeautifulSoup
from reading_time import STEP, minutes, minutes_of


def test_minutes_on_the_first_page_follow_from_the_length_of_the_lectures(site, parse):
    shown = {}
    for term in parse(site / "index.html").select("article dt:has(a[href^='lectures/'])"):
        if stated := re.search(r"\((\d+) min, ", term.find_next_sibling("dd").get_text()):
            shown[term.a["href"]] = int(stated[1])
    assert len(shown) > 10
    assert {time % STEP for time in shown.values()} == {0}
    taken = {page: minutes_of(site / page) for page in shown}
    # An edit that is rounded to another number is no error yet.
    assert not {page: t for page, t in taken.items() if abs(t - shown[page]) >= STEP - 1}


def test_words_formulas_and_lines_of_code_take_time_and_tasks_do_not():
    text = "word " * 358 + "<math><mi>h</mi></math>, again"
    code = "<pre>a = 1\nb = 2\n</pre>"
    rest = '<details><pre>c = 3</pre>word</details><section id="exercises">word</section>'
    html = f'<article>{text}<div class="equation">h</div>{code}{rest}</article>'
    assert abs(minutes(BeautifulSoup(html, "html.parser").article) - (2 + 0.25 + 0.1)) < 0.01
