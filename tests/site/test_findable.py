"""The search finds formulas by name, and a lecture says how to cite it."""

import pytest
from playwright.sync_api import expect
from pybtex.database import parse_string


@pytest.fixture
def page(context):
    page = context().new_page()
    yield page
    page.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Jacobian", "vanishing_exploding.html"),
        ("softmax", "character_model.html#equation-eq-char-softmax"),
        ("gelfand", "vanishing_exploding.html#equation-eq-ve-gelfand"),
        ("chain rule", "backpropagation_through_time.html"),
    ],
)
def test_search_finds_the_name_of_a_formula(page, site, words, found):
    page.goto(f"{(site / 'search.html').as_uri()}?q={words}")
    link = page.locator(f"#search-results a[href*='{found}']").first
    expect(link).to_be_visible()
    link.click()
    page.wait_for_url(lambda address: found in address)
    assert page.locator("article h1").is_visible()
    if "#" in found:
        expect(page.locator(f"[id='{found.partition('#')[2]}']")).to_be_in_viewport()


def test_citation_opens_by_keyboard_and_names_the_page(page, site):
    page.goto((site / "lectures/recurrence.html").as_uri())
    summary = page.locator("details.cite-page > summary")
    summary.focus()
    page.keyboard.press("Enter")
    bibtex = page.locator("details.cite-page pre")
    expect(bibtex).to_be_visible()
    entries = parse_string(bibtex.inner_text(), "bibtex").entries
    title = page.locator("article h1").inner_text().strip("# \n")
    assert entries["unrolled-recurrence"].fields["title"] == f"{{{title}}}"
