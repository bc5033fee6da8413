"""What a reader has answered stays on the device, and the review page says what to read again."""

import pytest
from playwright.sync_api import expect

LECTURE, REVIEW = "lectures/recurrence.html", "lectures/review.html"
BLOCKED = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("blocked", "SecurityError") }
})"""


@pytest.fixture
def reader(context, site):
    """A reader's browser: opens pages of the site, and remembers."""
    contexts, errors = [], []

    def note(error):
        if "quiz.js" in error.stack:  # the theme does without storage in its own way
            errors.append(error)

    def reader(blocked=False, **options):
        contexts.append(context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", note)
        page.on("dialog", lambda dialog: dialog.accept())
        if blocked:
            page.add_init_script(BLOCKED)
        page.visit = lambda path: page.goto((site / path).as_uri())
        return page

    yield reader
    for made in contexts:
        made.close()
    assert errors == []


def answer(page, right):
    """Answer the first question with choices; its place and the letters chosen."""
    quiz = page.locator(".quiz:has([type=radio])").first
    items = quiz.locator(".quiz-answers > * > li")
    wanted = [
        i for i in range(items.count()) if bool(items.nth(i).get_attribute("data-right")) == right
    ]
    quiz.locator("input").nth(wanted[0]).check()
    quiz.get_by_role("button", name="Check").click()
    return quiz


def test_answer_is_there_again_and_the_review_page_counts_it(reader):
    page = reader()
    page.visit(LECTURE)
    quiz = answer(page, right=False)
    chosen, name = quiz.locator("input:checked").count(), quiz.get_attribute("id")
    page.get_by_role("button", name="I have finished this page").click()
    page.reload()
    assert quiz.locator("input:checked").count() == chosen == 1
    assert quiz.get_attribute("data-known") == "wrong"
    finish = page.get_by_role("button", name="I have finished this page")
    assert finish.get_attribute("aria-pressed") == "true"

    page.visit(REVIEW)
    score = page.locator(".quiz-score")
    expect(score).to_contain_text("You have answered 1 of ")
    expect(score).to_contain_text("0 of them right, and finished 1 of ")
    expect(score).to_contain_text("To read again: ")
    assert score.locator("a").get_attribute("href") == "recurrence.html"
    link = page.locator(f".quiz-progress a[href='recurrence.html#{name}']")
    assert link.get_attribute("data-known") == "wrong"

    page.visit(LECTURE)
    answer(page, right=True)
    page.visit(REVIEW)
    expect(score).to_contain_text("1 of them right")
    assert score.locator("a").count() == 0

    page.get_by_role("button", name="Forget my answers").click()
    expect(score).to_contain_text("You have answered no question yet.")
    page.visit(LECTURE)
    assert quiz.locator("input:checked").count() == 0
    assert quiz.get_attribute("data-known") == ""
    assert finish.get_attribute("aria-pressed") == "false"


def test_answers_on_the_review_page_count_at_once(reader):
    page = reader()
    page.visit(REVIEW)
    box = page.locator(".quiz:has([type=text])").first
    box.get_by_role("textbox").fill("nonsense")
    box.get_by_role("button", name="Check").click()
    expect(page.locator(".quiz-score")).to_contain_text("You have answered 1 of ")
    page.reload()
    assert box.get_by_role("textbox").input_value() == "nonsense"


def test_where_nothing_may_be_kept_questions_answer_all_the_same(reader):
    page = reader(blocked=True)
    page.visit(REVIEW)
    answer(page, right=True)
    score = page.locator(".quiz-score")
    expect(score).to_contain_text("You have answered 1 of ")
    expect(score).to_contain_text("This browser keeps nothing")
    page.reload()
    expect(score).to_contain_text("You have answered no question yet.")


def test_nothing_dead_shows_without_scripts(reader):
    page = reader(java_script_enabled=False)
    page.visit(REVIEW)
    for dead in (".quiz-score", ".quiz-forget", ".quiz-finish"):
        assert page.locator(dead).count() == 1
        assert not page.locator(dead).is_visible()
    assert page.locator(".quiz-progress li a:visible").count() > 80


def test_every_question_is_listed(pages, parse, site):
    listed = {
        link["href"].rpartition("#")[2]
        for link in parse(site / REVIEW).select(".quiz-progress a[href*='#']")
    }
    there = {quiz["id"] for path in pages for quiz in parse(path).select(".quiz")}
    assert there <= listed and len(there) >= 80
