"""What the pages' HTML promises, read without a browser."""

import re
from collections import Counter
from urllib.parse import unquote, urlsplit


def is_outside(url):
    return bool(urlsplit(url).netloc)


def test_page_has_a_language_a_title_and_one_heading(html):
    assert html.html["lang"] == "en"
    assert html.title.get_text().strip()
    assert len(html.select("main h1:not(.onlyprint h1)")) == 1


def test_page_has_a_description_of_its_own(path, html, pages, parse):
    description = html.select_one("meta[name=description]")["content"]
    assert 10 <= len(description) <= 160, description
    others = [parse(other) for other in pages if other != path]
    assert description not in [
        other.select_one("meta[name=description]")["content"] for other in others
    ]


def test_ids_are_unique(html):
    ids = Counter(element["id"] for element in html.select("[id]"))
    assert [name for name, times in ids.items() if times > 1] == []


def test_links_inside_the_site_lead_somewhere(path, html, parse):
    dead = []
    for element in html.select("[href], [src]"):
        url = urlsplit(element.get("href") or element.get("src") or "")
        if url.scheme or url.netloc or element.name == "use":
            continue
        target = (path.parent / unquote(url.path)).resolve() if url.path else path
        if not target.is_file() or (
            url.fragment and not parse(target).find(id=unquote(url.fragment))
        ):
            dead.append(url.geturl())
    assert dead == []


def test_page_loads_nothing_from_other_hosts(html):
    loaded = [
        element.get("src") or element.get("href")
        for element in html.select("script[src], img[src], iframe[src], source[src], link[href]")
        if element.get("rel") != ["canonical"]
    ]
    assert [url for url in loaded if is_outside(url)] == []


def test_style_sheets_load_nothing_from_other_hosts(path, html):
    for link in html.select("link[rel=stylesheet]"):
        css = (path.parent / urlsplit(link["href"]).path).read_text(encoding="utf-8")
        assert re.findall(r"""url\(["']?(?:https?:)?//[^)]*|@import[^;]*//[^;]*""", css) == []


def test_images_have_alternative_texts(html):
    for element in html.select("article img"):
        assert element.get("alt", "").strip(), element
    for element in html.select("article svg[role=img]"):
        assert element.get("aria-label", "").strip()


def test_figures_have_a_size_so_that_nothing_shifts(html):
    for element in html.select("article img, article svg[role=img]"):
        assert element.get("width") and element.get("height"), element


def test_formulas_are_mathml_in_the_font_of_the_site(html, site):
    assert not html.select("article .MathJax, script[src*=mathjax], script[src*=katex]")
    fonts = (site / "_static/fonts/fonts.css").read_text(encoding="utf-8")
    declared = re.search(r'Unrolled Math";\s*unicode-range:([^;]*);', fonts)[1]
    letters = set()
    for first, last in re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", declared):
        letters |= set(range(int(first, 16), int(last or first, 16) + 1))
    for formula in html.find_all("math"):
        unknown = {c for c in formula.get_text() if ord(c) not in letters}
        assert not unknown, f"{unknown} in {formula.get_text()}: see docs/_static/fonts/README.txt"


def test_a_reference_to_an_equation_of_another_page_names_the_page(path, html):
    """Numbers of equations begin at 1 on each page."""
    unnamed = []
    for link in html.select(".bd-article a[href*='.html#equation-']"):
        page = link["href"].partition("#")[0]
        around = link.find_parent(["p", "li", "tr", "dd"])
        if not any(other["href"] == page for other in around.select("a[href]")):
            unnamed.append(around.get_text()[:80])
    assert not unnamed
