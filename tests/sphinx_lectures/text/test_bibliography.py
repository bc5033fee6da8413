"""References are formatted once, and anew when the bibliography changes."""

import pytest
from pybtex.style.formatting.alpha import Style
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

BOOKS = """
@book{elman, author = {Jeffrey Elman}, title = {Time}, publisher = {Press}, year = {1990}}
@book{werbos, author = {Paul Werbos}, title = {%s}, publisher = {Press}, year = {1990}}
"""
PAGE = "Site\n====\n\n:cite:p:`elman,werbos`\n\n.. bibliography::\n\n%s\n"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a site with a bibliography: its page, and how many references were formatted."""
    formatted = []
    format_entry = Style.format_entry

    def count(self, label, entry, bib_data=None):
        formatted.append(entry.key)
        return format_entry(self, label, entry, bib_data)

    monkeypatch.setattr(Style, "format_entry", count)

    def build(title="Beyond", sentence="", extension="sphinx_lectures.text.bibliography"):
        formatted.clear()
        (tmp_path / "books.bib").write_text(BOOKS % title)
        (tmp_path / "index.rst").write_text(PAGE % sentence)
        settings = {
            "extensions": ["sphinxcontrib.bibtex", extension],
            "bibtex_bibfiles": ["books.bib"],
        }
        out = tmp_path / extension
        with docutils_namespace():
            app = Sphinx(tmp_path, None, out, out / ".d", "html", settings, None, None)
            app.build()
        assert app.statuscode == 0
        return (out / "index.html").read_text(encoding="utf-8"), sorted(formatted)

    return build


def test_each_reference_is_formatted_once(build):
    _, formatted = build()
    assert formatted == ["elman", "werbos"]


def test_an_edited_sentence_has_none_formatted_again(build):
    build()
    page, formatted = build(sentence="One more.")
    assert formatted == [] and "One more." in page and "Jeffrey Elman" in page


def test_an_edited_bibliography_has_them_formatted_again(build):
    build()
    page, formatted = build(title="After", sentence="One more.")
    assert "werbos" in formatted and "After" in page and "Beyond" not in page


def test_pages_are_as_without(build):
    assert build()[0] == build(extension="sphinxcontrib.bibtex")[0]
