"""Where the site is: canonical links, a sitemap and robots.txt, if its address is known.

The address comes from the environment variable ``SITE_URL``, so that one source serves a laptop and
any host; without it, no page names a host, and none of these is written. Canonical links are
written by Sphinx itself once it knows the address.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import urljoin

from sphinx.errors import ConfigError


def _read_address(app, config):
    address = os.environ.get("SITE_URL", config.html_baseurl)
    if address and not address.startswith(("https://", "http://")):
        raise ConfigError(f"SITE_URL must begin with https:// or http://, but is {address!r}")
    config.html_baseurl = address.rstrip("/") + "/" if address else ""


def full_address(config, address):
    """The full address of a page or file of the site; empty where the site does not know its own.

    Examples
    --------
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


def sitemap(addresses):
    """A sitemap of some pages, in XML.

    Examples
    --------
    >>> print(sitemap(["https://example.org/?a&b"]))
    <?xml version="1.0" encoding="UTF-8"?>
    <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
    <url><loc>https://example.org/?a&amp;b</loc></url>
    </urlset>
    <BLANKLINE>
    """
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
        + "</urlset>\n"
    )


def _write(app, exception):
    config = app.config
    if exception or not config.html_baseurl or app.builder.name not in ("html", "dirhtml"):
        return
    pages = (app.builder.get_target_uri(docname) for docname in sorted(app.env.found_docs))
    own = full_address(config, "sitemap.xml")
    files = {
        "sitemap.xml": sitemap(full_address(config, page) for page in pages),
        "robots.txt": f"User-agent: *\nAllow: /\nSitemap: {own}\n",
    }
    for name, text in files.items():
        Path(app.outdir, name).write_text(text, encoding="utf-8")


def connect(app):
    app.connect("config-inited", _read_address)
    app.connect("build-finished", _write, priority=750)  # after `unchanged` has kept the pages
