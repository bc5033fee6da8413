"""An edited site is what a clean build makes of it; only pages on which it shows are written."""

import re
import shutil
import subprocess
import sys

import pytest

LOG = """
numfig = True
notebooks_data = ["."]
myst_enable_extensions = ["dollarmath"]
html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["own.css"]
templates_path = ["templates"]
extensions += ["sphinx_lectures.light_pages", "sphinx_lectures.text", "sphinx_lectures.notebooks"]

def setup(app):
    def log(app, pagename, templatename, context, doctree):
        if doctree is not None:
            with open(app.confdir / "../written", "a") as file:
                print(pagename, file=file)
    def log_reading(app, docname, source):
        with open(app.confdir / "../read", "a") as file:
            print(docname, file=file)
    app.connect("html-page-context", log)
    app.connect("source-read", log_reading)
"""
ADDRESS = """
extensions += ["sphinx_sitemap", "sphinxext.opengraph"]
html_baseurl = ogp_site_url = "https://example.org/some/"
sitemap_url_scheme = "{link}"
sitemap_excludes = ["search.html", "genindex.html"]
"""
FORMULA = "(a-target)=\n## A section\n\n$$ x = 1 $$ (eq-first-one)\n\n{cite:t}`Known2000`"
FIGURE = "```{figure} dot.svg\n:name: %s\n:alt: A black square\n\nA dot\n```"
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
WITHIN = "```{raw} html\n<a href='data:,%s'>A file</a>\n```"
SEES = "See {ref}`a-target`, {eq}`eq-first-one`, {numref}`fig-dot`."
#: Edits, one after the other: what they are, in which file, what stands there, and what then does.
EDITS = [
    ("a sentence", "a.md", "Some prose.", "Some better prose.\n\nAnd more of it.", {"a"}),
    ("a file within a link, longer than a name", "a.md", "x" * 300, "y" * 300, {"a"}),
    ("a title", "a.md", "# Page a", "# Another page", None),
    ("the title of a section that is referred to", "a.md", "## A section", "## One section", None),
    ("a figure before another one", "a.md", "## One", FIGURE % "fig-new" + "\n\n## One", None),
    ("the figure goes again", "a.md", FIGURE % "fig-new" + "\n\n", "", None),
    ("a formula's name", "a.md", "$$ x = 1 $$ (eq-first-one)", "$$ x = 1 $$ (eq-first-two)", None),
    ("a word that only one page had", "b.md", "A singular word.", "No such thing.", {"b"}),
    ("an output", "numbers.txt", "1 2 3", "4 5 6", {"b"}),
    ("the style", "static/own.css", "red", "blue", None),
    ("a template", "templates/layout.html", "layout.html", "layout.html", None),
    ("a setting", "conf.py", "numfig = True", 'numfig = True\nhtml_title = "T"', None),
    ("the order of the pages", "index.md", "a\nb\n", "b\na\n", None),
]


@pytest.fixture
def linked(site):
    """A site of which one page shows what is on the other."""
    site.edit("references.bib", "year=", "publisher={P}, year=")
    site.append("conf.py", LOG)
    site.write("static/own.css", "p { color: red }\n")
    site.write("templates/layout.html", '{% extends "!layout.html" %}\n')
    site.write("dot.svg", DOT)
    site.write("index.md", "# Site\n\n```{toctree}\na\nb\n```\n\n```{bibliography}\n```\n")
    site.edit("a.md", "Some prose.", f"Some prose.\n\n{FORMULA}\n\n{FIGURE % 'fig-dot'}")
    site.edit("a.md", "Some prose.", f"Some prose.\n\n{WITHIN % ('x' * 300)}")
    site.edit("b.md", "Some prose.", f"A singular word. {SEES}")
    site.runs("a", "b")
    return site


def done(site, what):
    """The pages that were "read" or "written" since it was asked last."""
    log = site.folder.with_name(what)
    names = set(log.read_text().split()) if log.exists() else set()
    log.unlink(missing_ok=True)
    return names


def clean(site):
    """What a clean build publishes, with the outputs of cells kept."""
    build = site.folder / "_build"
    aside = build.rename(site.folder.with_name("aside"))
    build.mkdir()
    shutil.copytree(aside / "outputs", build / "outputs")
    site.runs()
    published = site.published()
    shutil.rmtree(build)
    aside.rename(build)
    done(site, "written")
    return published


def test_edited_sites_are_those_of_a_clean_build(linked):
    done(linked, "written")
    for what, file, old, new, pages in EDITS:
        linked.edit(file, old, new)
        if what == "a formula's name":
            linked.edit("b.md", "eq-first-one", "eq-first-two")
        code, said, _ = linked.build()
        assert code == 0, (what, said)
        now = done(linked, "written")
        assert pages is None or now == pages, what
        assert linked.published() == clean(linked), what


def test_what_a_page_no_longer_brings_is_not_published(linked):
    files = {"_notebooks/b.ipynb", "_notebooks/numbers.txt"}
    assert files <= linked.published().keys()
    linked.edit("b.md", 'print(open("numbers.txt").read())', "print(1)")
    linked.runs("b")
    assert files & linked.published().keys() == {"_notebooks/b.ipynb"}
    assert linked.published() == clean(linked)


def test_an_address_and_what_is_made_for_it_go_together(linked):
    linked.append("conf.py", ADDRESS)
    for title in ("Page b", "Page with another card"):
        linked.edit("b.md", "# Page b", f"# {title}")
        linked.runs()
        pages = re.findall("<loc>([^<]*)</loc>", linked.text("sitemap.xml"))
        assert pages == [f"https://example.org/some/{name}.html" for name in ("a", "b", "index")]
        cards = {name for name in linked.published() if "social_previews" in name}
        assert len(cards) == len(pages)
        shown = re.search(
            'property="og:image" content="https://example.org/some/([^"]*)"', linked.html("b")
        )
        assert shown[1] in cards
    linked.edit("conf.py", ADDRESS, "")
    linked.runs()
    assert "sitemap.xml" not in linked.published()
    assert "example.org" not in linked.html("b")
    assert linked.published() == clean(linked)


def test_builders_that_share_a_folder_do_not_share_pages(linked):
    def build(builder):
        command = [sys.executable, "-m", "sphinx", "-q", "-b", builder, "-d", "_build/both"]
        out = linked.folder / "_build" / builder
        subprocess.run([*command, ".", out], cwd=linked.folder, env=linked.environment, check=True)
        return {path.relative_to(out).as_posix() for path in out.rglob("*.html")}

    assert "a.html" in build("html")
    assert {"a.html", "a/index.html"} & build("dirhtml") == {"a/index.html"}


def test_what_was_read_in_a_build_that_failed_is_written_by_the_next(linked):
    linked.edit("a.md", "Some prose.", "Some better prose.")
    linked.edit("b.md", "A singular word.", "See {ref}`nowhere`.")
    linked.fails()
    linked.edit("b.md", "See {ref}`nowhere`.", "A singular word.")
    linked.runs()
    assert "Some better prose." in linked.html("a")
    assert linked.published() == clean(linked)


def test_all_pages_are_read_again_only_if_another_version_of_something_is_installed(linked):
    before = linked.published()
    for what in ("read", "written"):
        done(linked, what)
    linked.runs()
    assert done(linked, "read") == done(linked, "written") == set()
    assert linked.published() == before
    (linked.folder / "src" / "another-2.0.dist-info").mkdir()
    linked.runs()
    assert done(linked, "read") == {"a", "b", "index"}
