"""A file that a cell has made, offered for download where the cell's output stands in the page.

A cell displays a bundle of the MIME type below: the ``name`` of the file, its ``text``, and the
``label`` of the link. The file becomes part of the site, in a folder of its page.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from sphinx_lectures.figures.private import add_renderer

logger = logging.getLogger(__name__)

MIME_TYPE = "application/vnd.made-file+json"
FOLDER = "_files"  #: of the site; the folders of the pages are repeated in it
NAME = re.compile(r"[\w-][\w.-]*")
HTML_BUILDERS = ("html", "dirhtml")


class made_file(nodes.General, nodes.Element):
    """A link to a file with a `name` and a `text`; the label of the link stands in it."""


class MadeFileRenderer:
    """Keeps the file with the page, and prefers it to what a notebook would show instead."""

    mime_priority_overrides = tuple((name, MIME_TYPE, 1) for name in HTML_BUILDERS)

    @staticmethod
    def handle_mime(renderer, data, inline):
        if data.mime_type != MIME_TYPE:
            return None
        name, text, label = (data.content[key] for key in ("name", "text", "label"))
        if not NAME.fullmatch(name):
            message = "expected the name of a file without a folder, got %r"
            place = f"{renderer.source}:{data.line}"
            logger.warning(message, name, location=place, type="lectures", subtype="made_file")
            return [nodes.Text(label)]
        link = made_file("", nodes.Text(label), name=name, text=text)
        return [link] if inline else [nodes.paragraph("", "", link)]


def _visit(translator, node):
    builder = translator.builder
    page = builder.current_docname
    address = f"{FOLDER}/{page}/{node['name']}"
    file = Path(builder.outdir, address)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(node["text"], encoding="utf-8", newline="\n")
    address = quote(relative_uri(builder.get_target_uri(page), address))
    translator.body.append(f'<a href="{address}" download>{escape(node.astext())}</a>')
    raise nodes.SkipNode


def setup(app):
    app.add_node(made_file, html=(_visit, None))
    add_renderer(MadeFileRenderer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
