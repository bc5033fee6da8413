"""Slides on a projector: each fits, keys turn them, and nothing is lost without a script."""

import pytest

SIZE = {"width": 1280, "height": 720}
#: By how many pixels a slide or a formula on it is too wide or too high.
EXCESS = """slide => Math.max(...[slide, ...slide.querySelectorAll(".formula, pre, table")].map(
  box => Math.max(box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight)))"""


@pytest.fixture
def slides(site, context):
    """The page of slides, opened from its file."""
    page = context(viewport=SIZE).new_page()
    page.goto((site / "docs" / "slides.html").as_uri())
    return page


def title(page, slide=".slide.shown"):
    return page.locator(f"{slide} > h2").last.evaluate("heading => heading.firstChild.textContent")


def test_every_slide_fits_a_projector(slides):
    slides.keyboard.press("s")
    count = slides.locator(".slide").count()
    assert 12 <= count <= 20
    too_large = {}
    for _ in range(count):
        if excess := slides.locator(".slide.shown").evaluate(EXCESS):
            too_large[title(slides)] = excess
        slides.keyboard.press("ArrowRight")
    assert not too_large


def test_keys_turn_the_slides_and_show_the_notes(slides):
    slides.keyboard.press("s")
    first = title(slides)
    slides.keyboard.press("PageDown")
    second = title(slides)
    slides.keyboard.press("n")
    assert slides.locator(".slide.shown > .notes").is_visible()
    slides.keyboard.press("n")
    assert not slides.locator(".slide.shown > .notes").is_visible()
    slides.keyboard.press("ArrowLeft")
    assert (title(slides), first == second) == (first, False)
    slides.keyboard.press("End")
    slides.keyboard.press("ArrowRight")
    assert title(slides) == slides.locator(".slide > h2").last.evaluate(
        "h => h.firstChild.textContent"
    )
    slides.keyboard.press("Escape")
    assert slides.locator(".slide.shown").count() == 0
    assert slides.locator("#exit-question").is_visible()


def test_a_key_typed_into_a_field_turns_nothing(slides):
    slides.keyboard.press("s")
    shown = title(slides)
    slides.evaluate("document.querySelector('.shown').append(document.createElement('input'))")
    slides.locator(".shown > input").press("ArrowRight")
    assert title(slides) == shown


def test_without_a_script_slides_and_notes_are_a_page(site, context):
    page = context(java_script_enabled=False).new_page()
    page.goto((site / "docs" / "slides.html").as_uri())
    notes = page.locator(".notes")
    assert notes.count() >= 12
    assert all(notes.nth(i).is_visible() for i in range(notes.count()))


def test_each_slide_with_a_figure_shows_one_that_can_be_seen(slides):
    slides.keyboard.press("s")
    figures = slides.locator(".slide:has(figure)")
    assert figures.count() >= 6
    for _ in range(slides.locator(".slide").count()):
        drawing = slides.locator(".slide.shown figure svg").first
        if drawing.count():
            assert drawing.bounding_box()["height"] > 250
        slides.keyboard.press("ArrowRight")
