"""A file that a cell has made stands in the site, and the page links to it."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from sphinx_lectures.figures.made_files import MIME_TYPE

SHEET = {
    "name": "sheet.md",
    "text": "# Sheet\n\nh_t, not x_t, in the state: h₁\n",
    "label": "A <b>",
}


@pytest.fixture
def build(tmp_path):
    """Build a site whose page in a folder displays a bundle; its folder, and the warnings."""

    def build(bundle, builder="html"):
        data = {MIME_TYPE: bundle, "text/plain": "<MadeFile>"}
        output = new_output("display_data", data)
        cells = [
            new_markdown_cell("# Page"),
            new_code_cell("shown", outputs=[output], execution_count=1),
        ]
        notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
        for count, cell in enumerate(cells):
            cell["id"] = f"cell{count}"
        (tmp_path / "folder").mkdir()
        nbformat.write(notebook, tmp_path / "folder" / "page.ipynb")
        index = "# Site\n\n```{toctree}\nfolder/page\n```\n"
        (tmp_path / "index.md").write_text(index, encoding="utf-8")
        warnings = tmp_path / "warnings"
        settings = {
            "extensions": ["myst_nb", "sphinx_lectures.figures.made_files"],
            "nb_execution_mode": "off",
            "exclude_patterns": ["out", "jupyter_execute"],
            # A dict of its own: MyST-NB would write into Sphinx's default, for all later builds.
            "source_suffix": {".ipynb": "myst-nb", ".md": "myst-nb"},
        }
        out = tmp_path / "out"
        with docutils_namespace(), warnings.open("w", encoding="utf-8") as said:
            Sphinx(tmp_path, None, out, out / ".d", builder, settings, None, said).build()
        return out, warnings.read_text(encoding="utf-8")

    return build


@pytest.mark.parametrize(
    ("builder", "page"), [("html", "folder/page.html"), ("dirhtml", "folder/page/index.html")]
)
def test_link_leads_to_the_file_with_its_text(build, builder, page):
    out, warnings = build(SHEET, builder)
    assert warnings == ""
    html = BeautifulSoup((out / page).read_text(encoding="utf-8"), "html.parser")
    link = html.select_one("a[download]")
    assert link.get_text() == "A <b>" and "<MadeFile>" not in html.get_text()
    file = ((out / page).parent / link["href"]).resolve()
    assert file == out.resolve() / "_files/folder/page/sheet.md"
    assert file.read_bytes().decode() == SHEET["text"]


@pytest.mark.parametrize("name", ["../sheet.md", "/sheet.md", "a/b.md", ".hidden", ""])
def test_file_stays_in_its_folder(build, name):
    out, warnings = build({**SHEET, "name": name})
    assert "without a folder" in warnings and "page.ipynb" in warnings
    assert not (out / "_files").exists()
