"""Pages can be found, shared and cited: addresses, link previews, citations, names of formulas."""

import json
import re
from io import BytesIO
from xml.etree import ElementTree

import matplotlib
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util.docutils import docutils_namespace

from sphinx_lectures.sharing.citation import Citation
from sphinx_lectures.sharing.link_previews import COLORS, SIZE, draw

ADDRESS = "https://example.org/some/where"
SETTINGS = {
    "extensions": ["myst_nb", "sphinx_lectures.text", "sphinx_lectures.sharing"],
    "project": "Tiny & co",
    "author": "A. U. Thor & others",
    "copyright": "2024, 2026, A. U. Thor",
    "release": "1.2",
    "nb_execution_mode": "off",
    "myst_enable_extensions": ["amsmath", "dollarmath"],
    "formula_index_label": r"eq-[a-z]+-(.+)",
}
INDEX = "# Start\n\n```{toctree}\nfolder/page\n```\n"
PAGE = r"""---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
myst:
  html_meta:
    description: 'What "it" is & does.'
---
# One _page_ of 100 %

$$ \rho(W) = \max_i |\lambda_i| $$ (eq-page-spectral-radius)

$$ a $$ (other)

\begin{align}
b
\end{align}
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build the site, knowing its address or not; return its folder."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "index.md").write_text(INDEX)
    (tmp_path / "folder/page.md").write_text(PAGE)

    def build(address="", **settings):
        if address is None:
            monkeypatch.delenv("SITE_URL", raising=False)
        else:
            monkeypatch.setenv("SITE_URL", address)
        folders = tmp_path, None, tmp_path / "html", tmp_path / "doctrees"
        settings = {**SETTINGS, **settings}
        with docutils_namespace(), (tmp_path / "warnings").open("w", encoding="utf-8") as said:
            Sphinx(*folders, "html", settings, status=None, warning=said).build(True)
        return tmp_path / "html"

    return build


def parsed(file):
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def tags(file):
    metas = parsed(file).find_all("meta")
    return {meta.get("property") or meta.get("name"): meta.get("content") for meta in metas}


def test_site_that_knows_its_address_has_a_sitemap_of_canonical_pages(build):
    site = build(ADDRESS)
    places = [e.text for e in ElementTree.parse(site / "sitemap.xml").iter() if "loc" in e.tag]
    assert places == [f"{ADDRESS}/folder/page.html", f"{ADDRESS}/index.html"]
    for place in places:
        page = parsed(site / place.removeprefix(ADDRESS + "/"))
        assert [link["href"] for link in page.select("link[rel=canonical]")] == [place]
    assert f"Sitemap: {ADDRESS}/sitemap.xml\n" in (site / "robots.txt").read_text()


def test_site_that_does_not_know_its_address_names_no_host(build):
    site = build()
    assert not [name for name in ("sitemap.xml", "robots.txt") if (site / name).exists()]
    assert not (site / "_previews").exists()
    for page in site.rglob("*.html"):
        assert "example.org" not in page.read_text(encoding="utf-8")
        assert "og:image" not in tags(page) and "og:url" not in tags(page)


def test_address_must_be_one(build):
    with pytest.raises(ConfigError, match=r"SITE_URL.*'example\.org'"):
        build("example.org")


def test_address_of_the_settings_holds_where_the_environment_has_none(build):
    site = build(None, html_baseurl=ADDRESS)
    assert ADDRESS in (site / "sitemap.xml").read_text()


def test_address_needs_no_slash_at_its_end_nor_the_extension_that_reads_it(build):
    alone = ["myst_nb", "sphinx_lectures.sharing"]
    page = build(None, html_baseurl=ADDRESS, extensions=alone) / "folder/page.html"
    assert tags(page)["og:url"] == f"{ADDRESS}/folder/page.html"
    assert parsed(page).select_one("details.cite-page a")["href"] == f"{ADDRESS}/folder/page.html"


def test_letters_that_no_font_has_are_warned_of(build, tmp_path):
    build(ADDRESS, project="\N{CJK UNIFIED IDEOGRAPH-6559}")
    said = (tmp_path / "warnings").read_text(encoding="utf-8")
    assert re.search(r"index\.md: WARNING: letters are missing.*link_previews_fonts.*6559", said)


def test_shared_link_shows_title_description_and_picture(build):
    site = build(ADDRESS)
    found = tags(site / "folder/page.html")
    assert found["og:title"] == "One page of 100 %"
    assert found["og:description"] == 'What "it" is & does.'
    assert found["og:site_name"] == "Tiny & co"
    assert found["og:url"] == f"{ADDRESS}/folder/page.html"
    assert found["og:image"] == f"{ADDRESS}/_previews/folder/page.png"
    assert found["twitter:card"] == "summary_large_image"
    with Image.open(site / "_previews/folder/page.png") as picture:
        assert picture.size == SIZE
    assert (found["og:image:width"], found["og:image:height"]) == tuple(map(str, SIZE))
    assert tags(site / "index.html")["og:type"] == "website"


@pytest.mark.parametrize("title", ["Short", "$5 or " + "a very long title " * 20, "x" * 200])
def test_title_fits_into_the_picture(tmp_path, title):
    draw(tmp_path / "picture.png", "Site", title, "example.org")
    picture = Image.open(tmp_path / "picture.png").convert("RGB")
    ground = tuple(int(COLORS["ground"][i : i + 2], 16) for i in (1, 3, 5))
    edge = picture.crop((SIZE[0] - 40, 0, *SIZE))
    assert edge.getcolors() == [(40 * SIZE[1], ground)]
    assert len(picture.getcolors(100_000)) > 10  # there is a text


def test_picture_is_the_same_whatever_the_style_of_the_reader(tmp_path):
    pictures = []
    for size in (10, 30):
        with matplotlib.rc_context({"font.size": size, "savefig.dpi": 50, "axes.grid": True}):
            draw(out := BytesIO(), "Site", "Title", "example.org")
        pictures.append(out.getvalue())
    assert pictures[0] == pictures[1]


def test_lecture_can_be_cited(build):
    site = build(ADDRESS)
    (box,) = parsed(site / "folder/page.html").select("details.cite-page")
    assert box.summary.get_text() == "Cite this page"
    assert box.p.get_text() == (
        "A. U. Thor & others (2026). One page of 100 %. In: Tiny & co, version 1.2. "
        f"{ADDRESS}/folder/page.html"
    )
    assert box.select_one("div.highlight > pre").get_text() == (
        "@misc{tiny-co-page,\n"
        "  author = {{A. U. Thor \\& others}},\n"
        "  title = {{One page of 100 \\%}},\n"
        "  year = {2026},\n"
        "  note = {In: Tiny \\& co, version 1.2},\n"
        f"  url = {{{ADDRESS}/folder/page.html}}\n"
        "}"
    )
    assert "cite-page" not in (site / "index.html").read_text(encoding="utf-8")


def test_page_without_a_title_goes_by_that_of_the_site(build, tmp_path):
    untitled = PAGE.replace("# One _page_ of 100 %", "")
    (tmp_path / "folder/page.md").write_text(untitled)
    page = build() / "folder/page.html"
    entry = parsed(page).select_one("details.cite-page").get_text()
    assert "title = {{Tiny \\& co}}" in entry and "no title" not in entry
    assert tags(page)["og:title"] == "Tiny & co"


def test_bibtex_can_be_read_by_a_bibliography():
    from pybtex.database import parse_string

    entry = Citation("key", "The {A} team", "2026", "50 % of $x_1$ & #2", "Site", "", "")
    (read,) = parse_string(entry.bibtex(), "bibtex").entries.values()
    assert [str(person) for person in read.persons["author"]] == [r"{The \{A\} team}"]
    assert read.fields["title"] == r"{50 \% of \$x\_1\$ \& \#2}"
    assert "url" not in read.fields


@pytest.mark.parametrize(
    ("project", "key"),
    [("Mein Büchlein", "mein-buchlein-page"), ("\N{CJK UNIFIED IDEOGRAPH-6559}", None)],
)
def test_key_has_the_letters_of_any_script_without_accents(build, project, key):
    page = build(project=project) / "folder/page.html"
    entry = parsed(page).select_one("details.cite-page pre").get_text()
    assert entry.startswith(f"@misc{{{key or project + '-page'},")


def test_question_needs_no_full_stop():
    assert "Why? In: " in Citation("k", "A", "", "Why?", "S", "", "").sentence()


def test_formula_is_found_by_its_name(build):
    site = build()
    index = json.loads(re.search(r"\{.*\}", (site / "searchindex.js").read_text())[0])
    entries = index["indexentries"]
    ((document, anchor, _),) = entries["spectral radius"]
    assert index["docnames"][document] == "folder/page"
    assert parsed(site / "folder/page.html").find(id=anchor) is not None
    assert "other" not in entries  # its label is not of the form that names a formula


def test_label_that_nobody_has_given_is_no_name(build):
    site = build(formula_index_label="(.+)")
    index = json.loads(re.search(r"\{.*\}", (site / "searchindex.js").read_text())[0])
    assert set(index["indexentries"]) == {"eq page spectral radius", "other"}
