"""A reference shows on a card what it names: to the pointer, to the keyboard and to a tap."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

LECTURE, REVIEW = "lectures/vanishing_exploding.html", "lectures/review.html"
#: References to what stands on the same page, and on others.
KINDS = {
    "formula here": "a.internal[href^='#equation-']",
    "formula elsewhere": "a.internal[href*='.html#equation-']",
    "figure here": "a.internal[href^='#fig-']",
    "term": "a.internal[href*='#term-']",
    "citation": ".bibtex-citation a.internal",
}
#: References of these kinds that nothing would be shown for.
EMPTY = """async () => {
  const script = document.createElement("script");
  const cards = await new Promise(done => {
    globalThis.showCards = done;
    script.src = `${document.documentElement.dataset.content_root}_cards.js`;
    document.head.append(script);
  });
  const root = new URL(document.documentElement.dataset.content_root, location).href;
  const here = location.href.slice(root.length).split("#")[0];
  const kinds = ":is([href*='#equation-'], [href*='#fig-'], [href*='#term-'], .bibtex-citation *)";
  return [...document.querySelectorAll(`article a.reference.internal${kinds}`)].filter(link => {
    const [page, name] = link.href.slice(root.length).split("#");
    return !(page === here ? document.getElementById(name) : cards[page]?.[1][name]);
  }).map(link => link.href);
}"""


@pytest.fixture
def open_page(context, site):
    tabs = []

    def open_page(path=LECTURE, **options):
        tabs.append(context(**options).new_page())
        tabs[-1].goto((site / path).as_uri())
        return tabs[-1]

    yield open_page
    for tab in tabs:
        tab.context.close()


def first(page, kind):
    """The first reference of a kind that is not folded away."""
    links = page.locator(f"article {KINDS[kind]}")
    number = links.evaluate_all("links => links.findIndex(link => !link.closest('details'))")
    assert number >= 0, kind
    return links.nth(number)


def card_of(page):
    return page.locator(".reference-card")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pointer_and_escape(open_page, kind, theme):
    page = open_page(REVIEW if kind == "formula elsewhere" else LECTURE, theme=theme)
    link = first(page, kind)
    link.hover()
    card = card_of(page)
    expect(card).to_be_visible()
    assert len(card.inner_text().strip()) > 3
    assert card.locator("a, [id], button").count() == 0
    assert link.get_attribute("aria-describedby") == card.get_attribute("id")
    assert card.get_attribute("role") == "tooltip"
    box, size = card.bounding_box(), page.viewport_size
    assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    found = Axe().run(page, context=".reference-card")
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    assert link.get_attribute("aria-describedby") is None


def test_pointer_may_move_onto_the_card_and_leaves_it(open_page):
    page = open_page()
    first(page, "term").hover()
    expect(card_of(page)).to_be_visible()
    card_of(page).hover()
    page.wait_for_timeout(500)
    expect(card_of(page)).to_be_visible()
    page.mouse.move(5, 5)
    expect(card_of(page)).to_be_hidden()


def test_keyboard(open_page):
    page = open_page()
    link = first(page, "formula here")
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert link.evaluate("link => link === document.activeElement")
    expect(card_of(page)).to_be_visible()
    expect(card_of(page).locator("math").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(card_of(page)).to_be_hidden()
    page.keyboard.press("Enter")
    assert page.url.endswith(link.get_attribute("href"))


@pytest.mark.parametrize("kind", ["figure here", "term"])
def test_tap_shows_the_card_with_a_link_that_leads_there(open_page, kind):
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    address, link = page.url, first(page, kind)
    link.tap()
    go = card_of(page).get_by_role("link", name="go there")
    expect(go).to_be_focused()
    assert page.url == address
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.touchscreen.tap(5, 400)
    expect(card_of(page)).to_be_hidden()
    link.tap()
    target = go.get_attribute("href")
    go.tap()
    page.wait_for_url(target)


def test_nothing_moves_and_other_pages_are_read_for_the_first_card_alone(open_page):
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append((request.resource_type, request.url)))
    page.evaluate(
        """() => { globalThis.shifts = [];
        new PerformanceObserver(list => shifts.push(...list.getEntries().map(e => e.value)))
          .observe({type: "layout-shift"}); }"""
    )
    first(page, "formula here").hover()
    expect(card_of(page)).to_be_visible()
    assert not [url for kind, url in asked if kind == "script"]
    first(page, "term").hover()
    expect(card_of(page)).to_contain_text("glossary")  # the title of the page
    page.wait_for_timeout(400)
    scripts = [url.rpartition("/")[2] for kind, url in asked if kind == "script"]
    assert scripts == ["_cards.js"]
    assert page.evaluate("shifts") == []


def test_paper_has_no_card(open_page):
    page = open_page()
    first(page, "term").hover()
    expect(card_of(page)).to_be_visible()
    page.emulate_media(media="print")
    expect(card_of(page)).to_be_hidden()


def test_every_reference_has_something_to_show(pages, open_page):
    tab = open_page()
    empty = {}
    for path in pages:
        tab.goto(path.as_uri())
        empty[path.name] = tab.evaluate(EMPTY)
    assert {name: links for name, links in empty.items() if links} == {}
