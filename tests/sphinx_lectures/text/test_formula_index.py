"""The search finds formulas by the names in their labels."""

import json
import re

import pytest
import tiny_site
from bs4 import BeautifulSoup

PAGE = r"""# Page

$$ \rho(W) = \max_i |\lambda_i| $$ (eq-page-spectral-radius)

$$ a $$ (other)

\begin{align}
b
\end{align}
"""


@pytest.fixture
def build(tmp_path):
    """Build a site of one page, in which labels have a form; the page, and the search index."""
    (tmp_path / "index.md").write_text(PAGE)

    def build(label):
        settings = {"myst_enable_extensions": ["amsmath", "dollarmath"]}
        extensions = ["myst_parser", "sphinx_lectures.text"]
        site, _ = tiny_site.build(tmp_path, extensions, formula_index_label=label, **settings)
        index = re.search(r"\{.*\}", (site / "searchindex.js").read_text(encoding="utf-8"))[0]
        html = (site / "index.html").read_text(encoding="utf-8")
        return BeautifulSoup(html, "html.parser"), json.loads(index)

    return build


def test_formula_is_found_by_its_name(build):
    page, index = build(r"eq-[a-z]+-(.+)")
    ((document, anchor, _),) = index["indexentries"]["spectral radius"]
    assert index["docnames"][document] == "index" and page.find(id=anchor) is not None
    assert "other" not in index["indexentries"]  # its label is not of the form


def test_label_that_nobody_has_given_is_no_name(build):
    _, index = build("(.+)")
    assert set(index["indexentries"]) == {"eq page spectral radius", "other"}
