"""How the pages behave in a browser: private, accessible, on a phone, offline, without scripts."""

import pytest

#: Formulas and figures of an article that have no size, but for those in closed boxes.
UNSEEN = """() => [...document.querySelectorAll("article math, article svg[role=img]")]
  .filter(element => !element.closest("details") && !element.getBoundingClientRect().width)
  .map(element => element.outerHTML)"""


def test_page_opened_as_a_file_asks_no_other_host(path, visit):
    noticed = visit(path)
    assert noticed.outside == []
    assert noticed.errors == []


def test_page_behind_a_server_asks_no_other_host(path, visit, server):
    noticed = visit(path, home=server)
    assert noticed.outside == []
    assert noticed.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_is_accessible(path, visit, theme):
    violations = visit(path, theme).violations
    assert not violations, violations


def test_page_does_not_scroll_sideways_on_a_phone(path, visit):
    assert max(visit(path).overflow) <= 0


def test_text_of_figures_is_legible_on_a_phone(path, visit):
    assert [(alt, px) for alt, px, _ in visit(path).letters if px < 11] == []
    assert [(alt, cut) for alt, _, cut in visit(path).letters if cut] == []


def test_page_stands_without_scripts(path, html, context):
    page = context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert page.locator("h1:visible").count() == 1
    assert page.evaluate("document.documentElement.dataset.theme") is None  # no script ran
    assert page.evaluate(UNSEEN) == []
    assert page.locator("button:visible").count() == 0  # it would do nothing
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_scripts_the_readers_system_chooses_the_theme(site, context, theme):
    looks = """() => [document.body, ...document.querySelectorAll(
      "article :is(p, td) a.internal:not(.headerlink)")]
      .map(part => getComputedStyle(part)).map(style => [style.color, style.backgroundColor])"""
    seen = []
    for scripts in (True, False):
        page = context(theme, java_script_enabled=scripts).new_page()
        page.goto((site / "lectures/claims_checked.html").as_uri())
        seen.append(page.evaluate(looks))
        page.context.close()
    assert seen[0] == seen[1]
    assert len({color for color, _ in seen[0][1:]}) == 1  # in text and in tables


@pytest.fixture
def home(context, site):
    page = context().new_page()
    page.goto((site / "index.html").as_uri())
    yield page
    page.close()


def test_search_works_offline(home):
    home.keyboard.press("Control+k")
    home.keyboard.type("gradient")
    home.keyboard.press("Enter")
    result = home.locator("#search-results li a").first
    result.wait_for(timeout=10_000)
    assert result.get_attribute("href")


def test_search_button_opens_the_search_field(home):
    home.locator(".search-button-field:visible, .search-button:visible").first.click()
    assert home.locator("#pst-search-dialog input").is_visible()


def test_dark_theme_can_be_chosen_and_is_remembered(home):
    home.locator(".theme-switch-button:visible").first.click()
    home.locator(".theme-change-button[data-mode=dark]:visible").first.click()
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    assert home.evaluate(scheme) == "dark"
    home.reload()
    home.wait_for_function(f"{scheme} === 'dark'", timeout=10_000)  # a script sets it


def test_solution_opens_with_the_keyboard(context, pages, parse):
    path = next(path for path in pages if parse(path).select("details.solution"))
    page = context().new_page()
    page.goto(path.as_uri())
    solution = page.locator("details.solution").first
    assert not solution.evaluate("box => box.open")
    solution.locator("summary").focus()
    page.keyboard.press("Enter")
    assert solution.evaluate("box => box.open")
    page.close()


def test_wide_formulas_scroll_with_the_keyboard_also_once_they_are_unfolded(context, pages, parse):
    unreachable = """() => [...document.querySelectorAll("math, .formula")].filter(box =>
      box.checkVisibility() && box.scrollWidth > box.clientWidth && box.clientWidth &&
      ["auto", "scroll"].includes(getComputedStyle(box).overflowX) && box.tabIndex !== 0).length"""
    reached = 'document.querySelectorAll(\'.formula[tabindex="0"], math[tabindex="0"]\').length'
    page = context(viewport={"width": 320, "height": 640}).new_page()
    counts = []
    for path in pages:
        page.goto(path.as_uri())
        page.wait_for_function(f"() => !({unreachable})()", timeout=10_000)
        before = page.evaluate(reached)
        for solution in page.locator("details.solution > summary").all():
            solution.click()
        page.wait_for_function(f"() => !({unreachable})()", timeout=10_000)
        counts.append((before, page.evaluate(reached)))
    page.close()
    assert sum(before for before, _ in counts) > 5
    assert any(after > before for before, after in counts)


def test_a_button_pressed_by_key_keeps_the_focus(site, browser):
    page = browser.new_page()
    page.goto((site / "index.html").resolve().as_uri())
    for button in (".primary-toggle", ".theme-switch-button"):
        locator = page.locator(f"{button}:visible").first
        locator.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "button => button === document.activeElement",
            arg=locator.element_handle(),
            timeout=5000,
        )
        page.keyboard.press("Escape")
    page.close()
