"""What search engines and previews of shared links get of a site that knows its address.

``robots.txt`` names the sitemap, and a preview says of a page what its description does, not what
its first sentences happen to be. `sphinx_sitemap` and `sphinxext.opengraph` do the rest.
"""

import os
from pathlib import Path

from docutils import nodes

from sphinx_lectures import full_address

ROBOTS = "User-agent: *\nAllow: /\nSitemap: {}\n"


def _write_robots(app, exception):
    if not exception and app.builder.name in ("html", "dirhtml"):
        text = ROBOTS.format(full_address(app.config, "sitemap.xml"))
        Path(app.outdir, "robots.txt").write_text(text, encoding="utf-8", newline="\n")


def _describe(app, pagename, templatename, context, doctree):
    for meta in doctree.findall(nodes.meta) if doctree else ():
        if meta.get("name") == "description":
            context["meta"] = {**(context["meta"] or {}), "og:description": meta["content"]}


def connect(app):
    address = os.environ.get("SITE_URL", app.config.html_baseurl).rstrip("/")
    if not address:  # no page names a host
        return
    app.config.html_baseurl = app.config.ogp_site_url = f"{address}/"
    app.setup_extension("sphinx_sitemap")
    app.setup_extension("sphinxext.opengraph")
    app.connect("html-page-context", _describe, priority=400)  # before the preview is made
    app.connect("build-finished", _write_robots)
