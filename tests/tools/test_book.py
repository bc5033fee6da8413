"""A site becomes one page to print: links lead within it, ids stay apart, solutions are open."""

import re

import pytest
from book import bind, pages_of
from bs4 import BeautifulSoup

NAVIGATION = (
    '<nav class="bd-links bd-docs-nav"><a href="{up}lectures/b.html">B</a>'
    '<a href="{up}lectures/a.html">A</a></nav>'
)
PAGE = """<!DOCTYPE html><html lang="en"><head><title>Site</title>
<link rel="stylesheet" href="{up}_static/x.css"><link rel="next" href="y"><script>x</script></head>
<body>{navigation}<article class="bd-article" role="main">{article}</article></body></html>"""
ARTICLES = {
    "index.html": '<section id="start"><h1>Start<a class="headerlink" href="#start">#</a></h1>'
    '<a href="lectures/a.html#part">to a part</a></section>',
    "lectures/a.html": '<section id="part"><h1>A &amp; a</h1><a href="b.html">to b</a>'
    '<details class="admonition solution"><p id="x">s</p></details><script>y</script></section>',
    "lectures/b.html": '<section id="part"><h1>B</h1><a href="#part">here</a>'
    '<a href="https://example.org/#z">out</a><a href="../_files/f.txt">file</a>'
    '<svg><clipPath id="c"/><g clip-path="url(#c)"/><use xlink:href="#m"/></svg></section>',
}


@pytest.fixture
def site(tmp_path):
    for name, article in ARTICLES.items():
        up = "../" * name.count("/")
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        navigation = NAVIGATION.format(up=up)
        file.write_text(PAGE.format(up=up, navigation=navigation, article=article))
    return tmp_path


@pytest.fixture
def book(site):
    return BeautifulSoup(bind(site), "html.parser")


def test_pages_come_in_the_order_of_the_contents(site):
    assert pages_of(site) == ["index.html", "lectures/b.html", "lectures/a.html"]


def test_links_lead_within_the_book_or_to_what_is_not_in_it(book):
    links = {a.get_text(): a["href"] for a in book.select(".chapter a:not(.headerlink)")}
    assert links["to a part"] == "#lectures-a--part"
    assert links["to b"] == "#lectures-b"
    assert links["here"] == "#lectures-b--part"
    assert links["out"] == "https://example.org/#z"
    assert links["file"] == "_files/f.txt"
    inner = [link["href"][1:] for link in book.select("a[href^='#']")]
    assert inner and all(book.find(id=name) for name in inner)


def test_ids_are_unique_and_drawings_keep_theirs(book):
    ids = [element["id"] for element in book.select("[id]")]
    assert len(set(ids)) == len(ids)
    assert book.find("g")["clip-path"] == "url(#lectures-b--c)"
    assert book.find("use")["xlink:href"] == "#lectures-b--m"


def test_contents_name_each_chapter(book):
    assert [a.get_text() for a in book.select(".book-contents a")] == ["Start", "B", "A & a"]


def test_links_to_pages_that_are_left_out_lead_out_of_the_book(site):
    book = BeautifulSoup(bind(site, ["lectures/b*"]), "html.parser")
    assert book.find("a", string="to b")["href"] == "lectures/b.html"
    assert not book.find(id="lectures-b")


def test_solutions_are_open_and_no_script_comes_along(site, book):
    assert book.select_one("details.solution").has_attr("open")
    assert not re.search("<script", bind(site)) and "x.css" in bind(site)
