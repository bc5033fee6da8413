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
    base = app.config.html_baseurl
    if exception or not base or app.builder.name not in ("html", "dirhtml"):
        return
    pages = (app.builder.get_target_uri(docname) for docname in sorted(app.env.found_docs))
    files = {
        "sitemap.xml": sitemap(urljoin(base, page) for page in pages),
        "robots.txt": f"User-agent: *\nAllow: /\nSitemap: {urljoin(base, 'sitemap.xml')}\n",
    }
    for name, text in files.items():
        Path(app.outdir, name).write_text(text, encoding="utf-8")


def setup(app):
    app.connect("config-inited", _read_address)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
