"""The built site, opened in a real browser that can reach no other host."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

BUILD = Path(__file__).parents[2] / "_build"
SITE = BUILD / "html"
HOME = SITE.as_uri()
PAGES = sorted(p for p in SITE.rglob("*.html") if "_static" not in p.relative_to(SITE).parts)
PHONES = (390, 320)
#: Formulas that are too wide are made to scroll when the page is told of its new size: in a frame.
WIDTH_ONCE_DRAWN = """new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
    () => done(document.documentElement.scrollWidth))))"""
#: Height of the smallest letters of each figure, in CSS pixels (indices and powers may be smaller),
#: and what does not fit into the window.
LETTERS = """() => [...document.querySelectorAll("svg[role=img]")].map(svg => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  const size = element => scale * parseFloat(getComputedStyle(element).fontSize);
  const sizes = [...svg.querySelectorAll("text")].map(
    text => Math.max(size(text), ...[...text.querySelectorAll("tspan")].map(size)));
  const outside = [...svg.querySelectorAll("text")].filter(text => {
    const { left, right } = text.getBoundingClientRect();
    return left < 0 || right > innerWidth;
  });
  return [svg.getAttribute("aria-label"), Math.min(...sizes, 99), outside.map(t => t.textContent)];
})"""

#: Marks one visible element of each kind that has text of its own: around it the same elements,
#: with the same classes, styles and stripes. Its colours are theirs, and axe takes long over all.
ONE_OF_EACH_KIND = """() => {
  const kinds = new Map(), seen = new Set();
  const kind = element => {
    if (!kinds.has(element)) {
      const {parentElement: above, localName, className, rowIndex} = element;
      const own = [localName, className.baseVal ?? className, rowIndex % 2];
      for (const name of ["style", "fill", "mathcolor"]) own.push(element.getAttribute(name));
      const math = above?.closest("math") && "math";
      kinds.set(element, `${math || (above ? kind(above) : "")}>${own}`);
    }
    return kinds.get(element);
  };
  for (const element of document.querySelectorAll("body *")) {
    const speaks = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!speaks || seen.has(kind(element)) || !element.checkVisibility()) continue;
    seen.add(kind(element));
    element.dataset.oneOfItsKind = "";
  }
}"""
AXE = {"resultTypes": ["violations"], "preload": False}
COLOURS = ["color-contrast", "link-in-text-block"]
COLOURS_ONLY = AXE | {"runOnly": COLOURS}
ALL_BUT_COLOURS = AXE | {"rules": {rule: {"enabled": False} for rule in COLOURS}}


@dataclass
class Visit:
    """What a browser noticed on a page."""

    outside: list = field(default_factory=list)  #: requests to other hosts
    errors: list = field(default_factory=list)  #: of the console
    violations: str = ""  #: what axe found, at the width of a laptop
    overflow: list = field(default_factory=lambda: [0])  #: pixels too wide, on each phone
    letters: list = field(default_factory=list)  #: (alternative text, pixels, cut off) of figures


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        names = [p.relative_to(SITE).as_posix() for p in PAGES]
        metafunc.parametrize("path", PAGES or [None], ids=names or ["no page"])


@pytest.fixture(autouse=True)
def built():
    if not PAGES:
        pytest.fail(f"{SITE} holds no page: run `make html` first", pytrace=False)


@pytest.fixture(scope="session")
def site():
    """Folder of the built site."""
    return SITE


@pytest.fixture(scope="session")
def pages():
    """Every page."""
    return PAGES


@pytest.fixture(scope="session")
def parse():
    """Parse the HTML of a page, once."""
    return cache(lambda path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser"))


@pytest.fixture
def html(path, parse):
    """The parsed HTML of the page under test."""
    return parse(path)


@pytest.fixture(scope="session")
def server():
    """Address of the site behind a web server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()


@pytest.fixture(scope="session")
def context(browser):
    """Make a browser context in which every host but the site's own is out of reach."""
    contexts = []

    def make(theme="light", home=HOME, **options):
        context = browser.new_context(color_scheme=theme, **options)
        context.outside = []

        def decide(route):
            if route.request.url.startswith((home, "data:", "blob:")):
                route.continue_()
            else:
                context.outside.append(route.request.url)
                route.abort()

        context.route("**/*", decide)
        contexts.append(context)
        return context

    yield make
    for made in contexts:
        made.close()


@pytest.fixture(scope="session")
def visit(context):
    """Open a page in a theme, once, and report what the browser noticed."""
    pages = {}

    def open_page(theme, home):
        if (theme, home) not in pages:
            pages[theme, home] = context(theme, home).new_page()
        return pages[theme, home]

    @cache
    def look(path, theme, home):
        noticed, page = Visit(), open_page(theme, home)
        page.context.outside.clear()

        def listen(message):
            if message.type == "error":
                noticed.errors.append(message.text)

        page.on("console", listen)
        page.set_viewport_size({"width": 1200, "height": 900})
        page.goto(f"{home.rstrip('/')}/{path.relative_to(SITE).as_posix()}", wait_until="load")
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
        if home == HOME:
            _look(page, theme, noticed)
        noticed.outside = list(page.context.outside)
        page.remove_listener("console", listen)
        if noticed.outside or noticed.errors or noticed.violations or max(noticed.overflow) > 0:
            name = "-".join(path.relative_to(SITE).with_suffix("").parts)
            page.screenshot(path=BUILD / "screenshots" / f"{name}-{theme}.png", full_page=True)
        return noticed

    # One visit serves all tests, whether or not they name what is usual.
    return lambda path, theme="light", home=HOME: look(path, theme, home)


def _look(page, theme, noticed):
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    page.evaluate(ONE_OF_EACH_KIND)
    colours = {"include": [["[data-one-of-its-kind]"]]}
    runs = [Axe().run(page, context=colours, options=COLOURS_ONLY)]
    if theme == "light":
        runs.append(Axe().run(page, options=ALL_BUT_COLOURS))
    noticed.violations = "".join(run.generate_report() for run in runs if run.violations_count)
    for width in PHONES if theme == "light" else ():
        page.set_viewport_size({"width": width, "height": 844})
        noticed.overflow.append(page.evaluate(WIDTH_ONCE_DRAWN) - width)
        if width == PHONES[0]:
            noticed.letters = page.evaluate(LETTERS)
