"""What references show of other pages is written into one script, and no more than that."""

import json
import re

import pytest
import tiny_site

from sphinx_lectures.text.cards import references, targets

BIB = "@book{Known2000, title={A title}, author={A. U. Thor}, publisher={P}, year={2000}}"
INDEX = """# Start

See {eq}`eq-a`, {term}`BPTT`, {numref}`fig-x`, {cite:t}`Known2000` and {eq}`eq-b`.

$$ b = 2 $$ (eq-b)

```{toctree}
folder/other
```
"""
OTHER = """# The other page

$$ a = 1 \\qquad c = 3 $$ (eq-a)

```{glossary}
BPTT
TBPTT
  Back *propagation*, see {term}`unit`.

unit
  one
```

:::{figure} x.svg
:name: fig-x
A caption.
:::

```{bibliography}
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site of two pages."""
    source = tmp_path_factory.mktemp("site")
    pages = {"index.md": INDEX, "folder/other.md": OTHER}
    image = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    tiny_site.write(source, {**pages, "r.bib": BIB, "folder/x.svg": image})
    settings = {
        "extensions": ["myst_parser", "sphinxcontrib.bibtex", "sphinx_lectures.text"],
        "myst_enable_extensions": ["colon_fence", "dollarmath"],
        "numfig": True,
        "bibtex_bibfiles": ["r.bib"],
        "bibtex_reference_style": "author_year",
    }
    out, said = tiny_site.build(source, **settings)
    assert said == ""
    return out


@pytest.fixture
def written(site):
    """The cards of the site, as the browser gets them."""
    script = (site / "_cards.js").read_text(encoding="utf-8")
    return json.loads(re.fullmatch(r"showCards\((.*)\);\n", script)[1])


def test_each_kind_of_target_is_shown_with_the_title_of_its_page(written):
    assert list(written) == ["folder/other.html"]
    title, shown = written["folder/other.html"]
    assert title == "The other page"
    formula, figure = shown["equation-eq-a"], shown["fig-x"]
    assert formula.startswith('<div class="formula"><math') and formula.count("<math") == 2
    assert "Fig. 1" in figure and "A caption." in figure and "<img" not in figure
    assert shown["term-BPTT"].startswith("<p>Back <em>propagation</em>")
    (citation,) = (text for name, text in shown.items() if name.startswith("id"))
    assert "Thor" in citation and "<p>" in citation


def test_what_no_other_page_refers_to_is_left_out(written):
    (_, shown), text = written["folder/other.html"], json.dumps(written)
    assert len(shown) == 4
    assert "term-unit" not in shown and "term-TBPTT" not in shown  # none, or from its own page
    assert "equation-eq-b" not in text
    assert "headerlink" not in text


def test_every_name_of_a_term_shows_the_text_that_follows():
    html = '<dl><dt id="term-a">a</dt><dt id="term-b">b</dt><dd><p>both</p></dd></dl>'
    assert targets(html) == {"term-a": "<p>both</p>", "term-b": "<p>both</p>"}


def test_references_are_addresses_within_the_site():
    html = '<a class="reference internal" href="../b.html#x&amp;y">1</a>' + (
        '<a class="reference internal" href="#here">2</a><a href="c.html#z">3</a>'
    )
    assert references(html, "folder/a.html") == {"b.html#x&y"}


def test_script_is_on_pages_that_refer_to_something(site):
    assert "cards.js" in (site / "index.html").read_text(encoding="utf-8")
    assert "cards.js" not in (site / "search.html").read_text(encoding="utf-8")
