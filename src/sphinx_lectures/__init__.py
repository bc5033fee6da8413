"""Sphinx extensions that bind executed lectures into a book: fast, private, accessible and true.

Each folder is one extension, with one ``setup(app)`` in its ``__init__.py`` and its static files
beside it; none knows what the lectures are about. What a folder touches that Sphinx, docutils or
MyST-NB do not document stands in its ``private.py``. ``python -m sphinx_lectures`` builds the site
of the current folder and publishes it only whole.
"""

from urllib.parse import urljoin

SAFE = {"parallel_read_safe": True, "parallel_write_safe": True}
NOT_HTML = ("latex", "man", "texinfo", "text")  #: formats in which much of a page has no place


def add_static_files(app, *paths):
    """Make files that lie beside an extension files of the site."""

    def add(app, config):
        config.html_static_path = [*config.html_static_path, *map(str, paths)]

    app.connect("config-inited", add)


def add_style(app, path):
    """Load a style sheet on every page."""
    add_static_files(app, path)
    app.add_css_file(path.name)


def add_files(app, path, *kinds, wanted=None):
    """Load a script, and a style sheet of the same name, on the pages that need them.

    These are the pages that hold a node of one of the `kinds`, or of which `wanted` says, given the
    application, the page's name and its doctree, that they do.
    """
    style = path.with_suffix(".css")

    def holds_one(app, pagename, doctree):
        return doctree and any(isinstance(node, kinds) for node in doctree.findall())

    def load(app, pagename, templatename, context, doctree):
        if (wanted or holds_one)(app, pagename, doctree):
            app.add_js_file(path.name, loading_method="defer")
            app.add_css_file(style.name)

    add_static_files(app, path, style)
    app.connect("html-page-context", load)


def full_address(config, address):
    """The full address of a page or file of the site; empty where the site does not know its own.

    >>> from types import SimpleNamespace as Config
    >>> full_address(Config(html_baseurl="https://example.org/book"), "a/page.html")
    'https://example.org/book/a/page.html'
    """
    base = config.html_baseurl
    return base and urljoin(base.rstrip("/") + "/", address)


def page_title(app, docname):
    """The title of a page; that of the site if it has none."""
    title = app.env.titles[docname].astext()
    return app.config.project if title == "<no title>" else title
