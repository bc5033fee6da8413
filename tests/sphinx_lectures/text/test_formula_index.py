"""The search finds formulas by the names in their labels."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

SETTINGS = {
    "extensions": ["myst_parser", "sphinx_lectures.text"],
    "myst_enable_extensions": ["amsmath", "dollarmath"],
    "formula_index_label": r"eq-[a-z]+-(.+)",
}
PAGE = r"""# Page

$$ \rho(W) = \max_i |\lambda_i| $$ (eq-page-spectral-radius)

$$ a $$ (other)

\begin{align}
b
\end{align}
"""


@pytest.fixture
def build(tmp_path):
    """Build a site of one page; return its folder."""
    (tmp_path / "index.md").write_text(PAGE)

    def build(**settings):
        folders = tmp_path, None, tmp_path / "html", tmp_path / "doctrees"
        with docutils_namespace():
            Sphinx(*folders, "html", {**SETTINGS, **settings}, status=None, warning=None).build(
                True
            )
        return tmp_path / "html"

    return build


def parsed(file):
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def test_formula_is_found_by_its_name(build):
    site = build()
    index = json.loads(re.search(r"\{.*\}", (site / "searchindex.js").read_text())[0])
    entries = index["indexentries"]
    ((document, anchor, _),) = entries["spectral radius"]
    assert index["docnames"][document] == "index"
    assert parsed(site / "index.html").find(id=anchor) is not None
    assert "other" not in entries  # its label is not of the form that names a formula


def test_label_that_nobody_has_given_is_no_name(build):
    site = build(formula_index_label="(.+)")
    index = json.loads(re.search(r"\{.*\}", (site / "searchindex.js").read_text())[0])
    assert set(index["indexentries"]) == {"eq page spectral radius", "other"}
