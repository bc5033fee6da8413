"""A tiny site of the theme, light: it looks and works as the theme does, and loads far less."""

import re
from base64 import b64decode
from hashlib import sha256
from io import BytesIO

import pytest
import tiny_site
from fontTools.ttLib import TTFont

from sphinx_lectures.light_pages.fonts import Characters, characters_of, cut, icons_of, union
from sphinx_lectures.light_pages.lighten import _shorten_scripts
from sphinx_lectures.light_pages.page import Page

SETTINGS = {
    "extensions": ["sphinx_copybutton", "sphinx_lectures.text", "sphinx_lectures.light_pages"],
    "html_theme": "sphinx_book_theme",
    "html_static_path": ["static"],
    "html_css_files": ["own.css"],
    "html_js_files": ["own.js"],
    "html_copy_source": False,
}
INDEX = """
Site
====

.. note:: Read this.

.. list-table::
   :header-rows: 1

   * - One
     - Two
   * - A formula, :math:`\\\\sqrt{x}`
     - And `a link <https://example.org>`_

.. code-block:: python

   print(1)

.. raw:: html

   <details class="opened"><summary>More</summary><p>Text</p></details>

.. toctree::

   other
"""
OTHER = "Other\n=====\n\nProse.\n\n"
OWN_CSS = """
details[open].opened { color: rgb(1, 2, 3); }
.set-by-script { color: rgb(4, 5, 6); }
.never-used { color: rgb(7, 8, 9); }
"""
OWN_JS = """/*! Of somebody */
// What follows marks the title.
document.querySelector('h1').classList.add('set-by-script');
"""
#: Of every element of the page, and of what the style sheets put before and after it; but for the
#: hidden one that ends a light page.
STYLES = """() => [...document.querySelectorAll("html, body, body *")]
  .filter(element => !element.matches("script, link, style, noscript, #end-of-page"))
  .flatMap(element => ["", "::before", "::after"].map(part => {
    const style = getComputedStyle(element, part || null), box = element.getBoundingClientRect();
    if (part && ["none", "normal"].includes(style.content)) return "";
    const named = [...style].filter(name => !name.startsWith("--"));
    return [`${element.tagName} ${element.getAttribute("class")} ${part}`, `at ${box.x} ${box.y}`,
      `size ${box.width} ${box.height}`,
      ...named.map(name => `${name}: ${style[name]}`)].join("\\n");
  }))"""


def build(folder, other=OTHER, **settings):
    """Build the site in a folder; where it is then, and what was warned of."""
    pages = {"index.rst": INDEX, "other.rst": other}
    tiny_site.write(folder, {**pages, "static/own.css": OWN_CSS, "static/own.js": OWN_JS})
    return tiny_site.build(folder, **SETTINGS, **settings)


@pytest.fixture(scope="module")
def lean(tmp_path_factory):
    """Folder of the light site."""
    html, said = build(tmp_path_factory.mktemp("lean"))
    assert said == ""
    return html


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Folder of the same site as the theme makes it."""
    html, said = build(tmp_path_factory.mktemp("stock"), lectures_light_pages=False)
    assert said == ""
    return html


@pytest.fixture(scope="module")
def css(lean):
    return (lean / "_static/site.css").read_text(encoding="utf-8")


def tags(html, name):
    return re.findall(rf"<{name}\b[^>]*>", html.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["index.html", "other.html", "search.html", "genindex.html"])
def test_page_has_one_style_sheet_whose_address_changes_with_it(lean, css, page):
    sheets = [tag for tag in tags(lean / page, "link") if "stylesheet" in tag]
    digest = sha256(css.encode()).hexdigest()[:8]
    assert sheets == [
        f'<link rel="stylesheet" href="_static/{name}.css?v={digest}" />'
        for name in ("site", "no_script")
    ]
    assert f"<noscript>{sheets[1]}</noscript>" in (lean / page).read_text(encoding="utf-8")


def test_page_loads_only_the_scripts_that_it_uses_and_none_before_it_stands(lean):
    scripts = {
        page: [tag for tag in tags(lean / f"{page}.html", "script") if "src=" in tag]
        for page in ("index", "other", "search")
    }
    assert all(re.search(r"\b(defer|async)\b", tag) for page in scripts.values() for tag in page)
    names = {page: set(re.findall(r"(\w+)[\w.]*\.js", " ".join(scripts[page]))) for page in scripts}
    assert names["index"] - names["other"] == {"cards", "clipboard", "copybutton"}
    assert {"searchtools", "language_data", "searchindex"} <= names["search"]
    unused = {"searchtools", "searchindex", "fontawesome", "bootstrap"}
    assert not unused & (names["index"] | names["other"])
    assert {"doctools", "sphinx_highlight", "menus", "own"} <= names["other"]


def built_page(folder, html, **scripts):
    """A built page beside its scripts, which are given by name."""
    for name, script in scripts.items():
        (folder / f"{name}.js").write_text(script, encoding="utf-8")
    (folder / "page.html").write_text(html, encoding="utf-8")
    return Page(folder / "page.html", "page")


@pytest.mark.parametrize(("theme", "waiting"), [("pydata-sphinx-theme", ["site"]), ("other", [])])
def test_scripts_wait_in_themes_that_do_not_build_on_them_at_once(tmp_path, theme, waiting):
    html = f'<script src="site.js"></script><script src="{theme}.js" defer></script>'
    page = built_page(tmp_path, html, site="window.Site = {start}")
    page.order_scripts()
    assert re.findall(r'defer="defer" src="(\w+)', page.html) == waiting


def test_template_within_a_template_keeps_its_blanks(tmp_path):
    nested = "show(`${rows.map(row => `<b>  ${row}  </b>`)}`)  // all"
    plain = "show(`<b>  ${row}  </b>`)  // one"
    built_page(tmp_path, "", nested=nested, plain=plain)
    _shorten_scripts(tmp_path)
    assert (tmp_path / "nested.js").read_text(encoding="utf-8") == nested
    assert (tmp_path / "plain.js").read_text(encoding="utf-8") == "show(`<b>  ${row}  </b>`)"


def test_style_sheet_in_the_text_of_a_page_stays_its_own(tmp_path):
    for name in ("all", "own"):
        (tmp_path / f"{name}.css").touch()
    link = '<link rel="stylesheet" href="{}.css">'
    html = f"<head>{link.format('all')}</head><body>{link.format('own')}</body>"
    page = built_page(tmp_path, html)
    assert page.sheets() == [tmp_path / "all.css"]
    page.link(tmp_path / "site.css")
    assert re.findall(r"(\w+)\.css", page.html) == ["site", "own"]


def test_scripts_have_no_comments_but_notices_of_licences(lean):
    own = (lean / "_static/own.js").read_text(encoding="utf-8")
    assert own == "/*! Of somebody */" + OWN_JS.splitlines()[-1]


@pytest.mark.parametrize(
    ("element", "script"),
    [
        ('<button data-bs-toggle="dropdown" data-bs-placement="bottom">', "menus"),
        ('<button data-bs-toggle="collapse">', "bootstrap"),
        ('<div data-bs-ride="carousel">', "bootstrap"),
    ],
)
def test_page_has_bootstrap_where_it_uses_more_than_menus_and_tooltips(tmp_path, element, script):
    html = element + "".join(f'<script src="{x}.js"></script>' for x in ("bootstrap", "menus"))
    page = built_page(tmp_path, html, bootstrap="", menus="")
    page.order_scripts()
    assert re.findall(r'src="(\w+)', page.html) == [script]


def test_rules_that_nothing_uses_go(css, stock):
    assert ".never-used" not in css
    assert ".table-striped" not in css
    whole = sum(path.stat().st_size for path in stock.rglob("*.css"))
    assert len(css) < whole / 4


def test_licences_of_the_style_sheets_stay(css):
    assert css.startswith("/*!")
    assert "The Bootstrap Authors" in css and "Fonticons" in css


@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", ["index.html", "search.html?q=prose"])
def test_every_element_looks_as_in_the_theme(lean, stock, browser, page, theme, width):
    styles = []
    for folder in (stock, lean):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce"
        )
        context.add_init_script("localStorage.setItem('mode', 'auto')")
        tab = context.new_page()
        tab.goto(f"{folder.as_uri()}/{page}")
        tab.wait_for_function("!document.querySelector('i[class*=fa-]')")
        tab.wait_for_function("document.documentElement.dataset.theme")
        tab.evaluate("document.querySelectorAll('dialog').forEach(box => box.show())")
        tab.add_style_tag(content="* { transition: none !important }")
        styles.append(tab.evaluate(STYLES))
        context.close()
    assert len(styles[0]) == len(styles[1]) > 300
    for was, now in zip(*styles, strict=True):
        (name, *was), (_, *now) = was.split("\n"), now.split("\n")
        assert was == now, name


@pytest.fixture
def page(browser):
    page = browser.new_context(viewport={"width": 1300, "height": 800}).new_page()
    yield page
    page.context.close()


def test_theme_menu_and_search_work(lean, page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{lean.as_uri()}/index.html")
    page.locator(".theme-switch-button").click()
    page.locator(".theme-change-button[data-mode=dark]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.mouse.move(0, 0)  # the theme holds a menu open below the pointer
    assert not page.locator(".theme-switch-container .dropdown-menu").is_visible()
    assert errors == []
    page.keyboard.press("Control+k")
    page.keyboard.type("prose")
    page.keyboard.press("Enter")
    page.locator("#search-results li a", has_text="Other").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_scripts_the_theme_is_that_of_the_readers_system(lean, browser, theme):
    colours = """() => ["body", "article a", "pre"].map(part => document.querySelector(part))
      .map(part => getComputedStyle(part)).map(style => [style.color, style.backgroundColor])"""
    seen = []
    for scripts in (True, False):
        page = browser.new_page(color_scheme=theme, java_script_enabled=scripts)
        page.goto(f"{lean.as_uri()}/index.html")
        if scripts:  # the theme knows no system but its own
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        seen.append(page.evaluate(colours))
        page.close()
    assert seen[0] == seen[1]


def test_button_copies_code(lean, page):
    page.goto(f"{lean.as_uri()}/index.html")
    page.locator("pre").first.hover()
    page.locator(".copybtn").first.click()
    page.locator(".copybtn[data-tooltip='Copied!']").wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+v")
    assert page.locator("#pst-search-dialog input").input_value() == "print(1)"


def test_theme_menu_works_with_the_keyboard(lean, page):
    page.goto(f"{lean.as_uri()}/index.html")
    button = page.locator(".theme-switch-button")
    menu = page.locator(".theme-switch-container .dropdown-menu")
    focused = "document.activeElement.dataset.mode"
    button.focus()
    page.keyboard.press("Enter")
    assert menu.is_visible() and button.get_attribute("aria-expanded") == "true"
    modes = []
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
        modes.append(page.evaluate(focused))
    assert modes == ["auto", "light", "auto", "dark"]
    page.keyboard.press("Escape")
    assert not menu.is_visible() and button.get_attribute("aria-expanded") == "false"
    assert button.evaluate("button => button === document.activeElement")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    button.focus()
    page.keyboard.press("Enter")
    page.locator(".primary-toggle:visible").focus()
    assert not menu.is_visible()


def test_tooltip_is_shown_to_the_pointer_and_to_the_keyboard(lean, page):
    page.goto(f"{lean.as_uri()}/index.html")
    button = page.locator(".primary-toggle:visible")
    said = "button => getComputedStyle(button, '::after').content"
    assert button.get_attribute("title") == "Toggle primary sidebar"  # the browser shows it
    assert button.evaluate(said) == "none"
    page.keyboard.press("Tab")
    button.focus()
    assert button.evaluate(said) == '"Toggle primary sidebar"'


def test_button_to_the_top_comes_while_one_scrolls_back(lean, page):
    page.set_viewport_size({"width": 800, "height": 800})  # the theme has none on wide pages
    page.goto(f"{lean.as_uri()}/index.html")
    page.add_style_tag(content="article { height: 5000px }")
    button = page.locator("#pst-back-to-top")
    page.mouse.wheel(0, 2000)
    page.wait_for_function("scrollY === 2000")
    assert not button.is_visible()
    page.mouse.wheel(0, -500)
    button.click()
    page.wait_for_function("scrollY === 0")


def test_icon_that_the_theme_does_not_have_is_complained_of(tmp_path):
    icon = '.. raw:: html\n\n   <i class="fa-solid fa-unheard-of"></i>\n'
    _, said = build(tmp_path, OTHER + icon)
    assert re.search(r"other\.rst.*the theme has no icon 'fa-solid fa-unheard-of'", said), said


def test_font_of_icons_has_those_that_the_style_sheet_names(css, stock):
    faces = re.findall(r"@font-face\{([^}]*Font Awesome[^}]*)\}", css)
    named = {ord(character) for character in re.findall("[\ue000-\uf8ff]", css)}
    assert faces and named
    held = set().union(*(_font(face).getBestCmap() for face in faces))
    assert named <= held < named | set(range(0xE000, 0xF900))
    whole = min(path.stat().st_size for path in stock.rglob("fa-solid-900.woff2"))
    assert sum(map(len, faces)) < whole / 8


def _font(face):
    return TTFont(BytesIO(b64decode(re.search(r"base64,([^\"]*)", face)[1])))


def test_characters_of_formulas_are_those_that_a_browser_draws():
    page = (
        "<p>ab &amp; c</p><math><mi>h</mi><mi>x</mi><mi>α</mi><mi>ϕ</mi><mi>∞</mi><mi>sin</mi>"
        '<mo>&lt;</mo><mi mathvariant="normal">d</mi></math>'
    )
    found = union([characters_of(page)])
    assert {ord(c) for c in "ab&c"} <= found.text and ord("é") not in found.text
    assert {ord(c) for c in "ℎ𝑥𝛼𝜙∞sind<√−0"} <= found.formulas
    assert not {ord(c) for c in "𝑎𝑠cxα"} & found.formulas
    assert icons_of(r'a{content:"\f123"}b{content:"é"}') == {0xF123}


def test_font_without_a_character_in_use_goes_and_one_from_elsewhere_stays(stock):
    nothing = Characters(set(), set(), set())
    face = "font-family:X;src:url(fa-solid-900.woff2)"
    folder = next(stock.rglob("fa-solid-900.woff2")).parent
    assert cut(face, folder, nothing) == (None, set())
    body, icons = cut(face, folder, Characters(set(), set(), {0xF0C9}))
    assert icons == {0xF0C9} and set(_font(body).getBestCmap()) == icons
    outside = 'font-family:X;src:url("https://example.org/x.woff2"),local("X")'
    assert cut(outside, folder, nothing) == (outside, set())
