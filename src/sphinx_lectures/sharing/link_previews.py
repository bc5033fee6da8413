"""What a link to a page looks like where it is shared: title, description and a picture.

Where the site knows its address (see `addresses`), every page gets a picture of its own, drawn with
the site's name and the page's title: pictures must be named by their full address.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from textwrap import wrap
from urllib.parse import quote
from warnings import catch_warnings, simplefilter

from docutils import nodes
from sphinx.util import logging

from sphinx_lectures.sharing.addresses import full_address, page_title

logger = logging.getLogger(__name__)

FOLDER = "_previews"  #: of the site
SIZE = 1200, 630  #: in pixels, as the networks ask for
COLORS = {"ground": "#0f2038", "text": "#ffffff", "quiet": "#b8c7dc", "accent": "#4f9dff"}


def _describe(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    title = page_title(app, pagename)
    tags = {"og:type": "article", "og:site_name": app.config.project, "og:title": title}
    if pagename == app.config.root_doc:
        tags["og:type"] = "website"
    for meta in doctree.findall(nodes.meta):
        if meta.get("name") == "description":
            tags["og:description"] = meta["content"]
    if address := full_address(app.config, app.builder.get_target_uri(pagename)):
        tags["og:url"] = address
        tags["og:image"] = full_address(app.config, quote(f"{FOLDER}/{pagename}.png"))
        tags["og:image:width"], tags["og:image:height"] = map(str, SIZE)
        tags["og:image:alt"] = f"{app.config.project}: {title}"
        tags["twitter:card"] = "summary_large_image"
    lines = [
        f'<meta {"name" if key.startswith("twitter:") else "property"}="{key}" '
        f'content="{escape(" ".join(value.split()))}" />\n'
        for key, value in tags.items()
    ]
    context["metatags"] += "\n" + "".join(lines)


def draw(file, site, title, address, fonts=()):
    """Draw the picture of a page.

    Parameters
    ----------
    file : Path
        Where to write it, as PNG: the same bytes for the same words.
    site, title, address : str
        What is written on it.
    fonts : sequence of str
        Families to take letters from before those of Matplotlib's own font.
    """
    from matplotlib import rc_context, rcParamsDefault
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    with rc_context(rcParamsDefault):
        figure = Figure(figsize=[side / 100 for side in SIZE], dpi=100, facecolor=COLORS["ground"])
        family = [*fonts, "DejaVu Sans"]
        style = {"x": 0.08, "va": "center", "parse_math": False, "family": family}
        heading = figure.text(y=0.48, s="\n".join(wrap(title, 24)), size=54, weight="bold", **style)
        heading.set(color=COLORS["text"], linespacing=1.25)
        while _too_large(heading.get_window_extent()):
            heading.set_size(heading.get_size() - 2)
        figure.text(y=0.86, s=site, size=26, color=COLORS["quiet"], **style)
        figure.text(y=0.1, s=address, size=18, color=COLORS["quiet"], **style)
        bar = Rectangle((0, 0), 0.02, 1, color=COLORS["accent"], transform=figure.transFigure)
        figure.add_artist(bar)
        figure.savefig(file, metadata={"Software": None})


def _too_large(box):
    return box.width > 0.84 * SIZE[0] or box.height > 0.6 * SIZE[1]


def _draw_all(app, exception):
    base = app.config.html_baseurl
    if exception or not base or app.builder.name not in ("html", "dirhtml"):
        return
    for docname in sorted(app.env.found_docs):
        file = Path(app.outdir, FOLDER, f"{docname}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        words = app.config.project, page_title(app, docname), base.partition("://")[2].rstrip("/")
        with catch_warnings(record=True) as caught:
            simplefilter("always")
            draw(file, *words, app.config.link_previews_fonts)
        if caught:
            message = "letters are missing in the preview (see link_previews_fonts): %s"
            logger.warning(message, caught[0].message, location=docname, type="lectures")


def connect(app):
    app.add_config_value("link_previews_fonts", [], "html", types=[list])
    app.connect("html-page-context", _describe)
    app.connect("build-finished", _draw_all, priority=750)  # after `unchanged` has kept the pages
