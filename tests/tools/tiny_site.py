"""Tiny sites, built within the test."""

from io import StringIO
from multiprocessing import active_children

from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace


def write(folder, files):
    """Write texts into a folder, given by the names of their files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def page(out, name="index"):
    """A page of a site, parsed."""
    return BeautifulSoup((out / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def build(folder, extensions, builder="html", to="out", **settings):
    """Build the site of the pages in a folder.

    Returns the folder within it to which the site was written, and what was warned of.
    """
    out, said = folder / to, StringIO()
    # A dict of its own: MyST-NB would write into Sphinx's default, for all later builds.
    own = {"extensions": extensions, "source_suffix": {".rst": "restructuredtext"}}
    with docutils_namespace():
        Sphinx(
            folder, None, out, out / ".doctrees", builder, {**own, **settings},
            status=None, warning=said,
        ).build()  # fmt: skip
    for process in active_children():  # sphinx-sitemap starts one, and it holds a browser's pipes
        process.terminate()
        process.join()
    return out, said.getvalue()
