"""Each lecture as a Jupyter notebook to take away, linked below its title.

The text is that of the page as plain Markdown, with its numbers and references in place; the cells
are those that it shows, and hidden ones tagged ``setup``. Outputs are left out: the page
has them, its figures are made to follow the page's theme, and running the notebook makes them anew.
A page with solutions is offered without them, too: a handout for students.
"""

import os
import re
import shutil
from functools import cached_property
from html import escape
from pathlib import Path
from urllib.parse import quote, urljoin

import nbformat
from sphinx.util.osutil import relative_uri

from sphinx_lectures import add_style, full_address
from sphinx_lectures.downloads import library_of
from sphinx_lectures.execution.outputs import files_read
from sphinx_lectures.execution.page import is_notebook
from sphinx_lectures.notebooks.copy import has_solutions, notebook_of
from sphinx_lectures.sharing.repository import colab_address, raw_address

FOLDER = "_notebooks"  #: of the site; the folders of the pages are repeated in it


class Page:
    """A page, the notebook that it becomes if it is a lecture, and the files that it reads."""

    def __init__(self, app, docname):
        self.app, self.docname = app, docname
        self.path = Path(app.env.doc2path(docname))
        self.text = self.path.read_text(encoding="utf-8-sig", errors="replace")
        self.is_lecture = is_notebook(self.text)
        self.name, self.student = (f"{FOLDER}/{docname}{end}.ipynb" for end in ("", "_student"))
        self.file = Path(app.outdir, self.name)
        # Addresses are empty where the site does not know its own.
        self.address = full_address(app.config, app.builder.get_target_uri(docname))
        own = full_address(app.config, quote(self.name))
        self.folder_address = own and own.rpartition("/")[0] + "/"
        self.library = library_of(app.config)  # None if the site publishes none
        if self.library:
            raw = raw_address(app.config, self.library.wheel)
            self.wheel_address = self.library.wheel_address or raw

    def calls_library(self, imported):
        """Whether modules that the page imports include the library that the site publishes."""
        return bool(self.library) and self.library.name in imported

    @cached_property
    def data(self):
        """Names, as seen from the page, of the files that it has read and that may be given away.

        These are the files in the folders that the setting names: what else lies beside a page, and
        a cell may read, is not published.
        """
        root, folder = Path(self.app.confdir), self.path.parent
        given = [root / name for name in self.app.config.notebooks_data]
        read = [root / name for name in files_read(self.app, self.docname)]
        own = [file for file in read if any(file.is_relative_to(place) for place in given)]
        return [os.path.relpath(file, folder) for file in own if file.is_file()]

    def link(self, reference):
        """Where a reference leads from a notebook: nowhere within a site without an address."""
        address = reference.get("refuri", "")
        if not re.match(r"[a-z]+:", address):
            address = f"#{reference['refid']}" if "refid" in reference else address
            address = self.address and urljoin(self.address, address)
        return address.replace("(", "%28").replace(")", "%29").replace(" ", "%20")


def _export(app, pagename, templatename, context, doctree):
    """Write the notebook of a lecture and the data that it reads; offer both below the title."""
    if doctree is None or app.builder.name not in ("html", "dirhtml"):
        return
    page = Page(app, pagename)
    if not page.is_lecture or pagename in app.config.notebooks_without:
        return
    page.file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook_of(page, doctree), page.file)
    here = app.builder.get_target_uri(pagename)
    notebook = relative_uri(here, page.name)
    line, links = _download(notebook, "Download as a Jupyter notebook"), []
    if has_solutions(doctree):
        nbformat.write(notebook_of(page, doctree, solutions=False), Path(app.outdir, page.student))
        line += f", or {_download(relative_uri(here, page.student), 'without the solutions')}"
    for name in page.data:
        target = page.file.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page.path.parent / name, target)
        links.append(_download(f"{notebook.rpartition('/')[0]}/{name}", name))
    if links:
        line += f" (it reads {', '.join(links)})"
    if page.library and not page.wheel_address:
        wheel = page.library.wheel
        file = _download(relative_uri(here, wheel), wheel.rpartition("/")[2])
        line += f", and beside it {file}, the library that it calls"
    if colab := colab_address(app.config, page.name):
        line += f', or <a href="{escape(colab)}">open it in Colab</a>'
    line = f'<p class="notebook-download">{line}</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def _download(address, text):
    return f'<a href="{quote(address)}" download>{escape(text)}</a>'


def connect(app):
    add_style(app, Path(__file__).with_name("notebooks.css"))
    app.add_config_value("notebooks_extras", "", "html", types=[str])
    app.add_config_value("notebooks_data", [], "html", types=[list])
    app.add_config_value("notebooks_without", [], "html", types=[list])
    app.connect("html-page-context", _export)
