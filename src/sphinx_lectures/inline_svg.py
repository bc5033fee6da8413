"""Figures of cells stand in the page as SVG, so that they follow its font and its theme.

Black becomes the page's text colour and white its background, text stays text, and size and
alternative text come along; what is not seen does not. A figure or image without an alternative
text fails the build.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from docutils import nodes
from myst_nb.core.render import load_mime_renders
from sphinx.util import logging

from sphinx_lectures import markers
from sphinx_lectures.paths import shorten

logger = logging.getLogger(__name__)

COLORS = {"#000000": "currentColor", "#ffffff": "var(--pst-color-background, Canvas)"}
REFERENCE = re.compile(r"(?<=url\(#)[^)]+")
FAMILY = re.compile(r"(; )?font-family: [^;]*")
LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}")
NO_TURN = re.compile(r"rotate\(-?0(\.0*)?[ )][^)]*\)?")


class svg_figure(nodes.General, nodes.Element):
    """A figure drawn by a cell: `svg` as Matplotlib wrote it, `alt`, and `prefix` for its ids."""


class SvgRenderer:
    """Keeps SVG outputs of cells in the page, where MyST-NB would link to a file."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        if data.mime_type != "image/svg+xml":
            return None
        options = renderer.renderer.get_cell_level_config(
            "render_image_options", data.cell_metadata, line=data.line
        )
        figure = svg_figure(svg=data.string, alt=str(options.get("alt") or "").strip())
        figure.source, figure.line = renderer.source, data.line
        return [figure]


def inline_svg(svg, alt, prefix, short=True):
    """HTML for a figure in SVG.

    Parameters
    ----------
    svg : str
        The document that Matplotlib wrote.
    alt : str
        What is to be seen on it.
    prefix : str
        Put before every id, so that the ids of two figures of a page differ.
    short : bool
        Whether paths are shortened; if not, they stay as Matplotlib wrote them.

    Returns
    -------
    str
        A ``<svg>`` element with its size; black is the colour of the surrounding text.
    """
    root = ElementTree.fromstring(svg.encode())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        named = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        cleaned = {name: _clean(name, value, prefix) for name, value in named.items()}
        element.attrib = {name: value for name, value in cleaned.items() if value}
    axes = markers.axes_of(root)
    _drop_unused_ids(root)
    for axis in axes:
        _drop_unseen(axis)
        markers.gather(axis)
    _drop_unseen(root)
    markers.merge(root)
    _drop_unused_ids(root)
    _drop_unseen(root)
    if short:
        for path in root.iter("path"):
            path.set("d", shorten(path.get("d")))
    box = root.get("viewBox").split()
    root.attrib = {
        "class": "figure-svg",
        "role": "img",
        "aria-label": alt,
        "viewBox": " ".join(box),
        "width": f"{float(box[2]) * 4 / 3:.0f}",  # CSS pixels in points
        "height": f"{float(box[3]) * 4 / 3:.0f}",
        "fill": "currentColor",
    }
    html = ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")
    return re.sub(r">\s+<", "><", html)


def _clean(name, value, prefix):
    """An attribute's value in the page's colours, font and ids; places with two decimals."""
    if name == "id":
        return prefix + value
    if name.endswith("href") and value.startswith("#"):
        return "#" + prefix + value[1:]
    if name == "d":
        return " ".join(value.split())
    if name in ("x", "y", "points", "transform"):
        value = LONG_DECIMAL.sub(_rounded, NO_TURN.sub("", value))
        return " ".join(value.split())
    for color, replacement in COLORS.items():
        value = value.replace(color, replacement)
    value = FAMILY.sub("", value)
    return REFERENCE.sub(lambda target: prefix + target[0], value)


def _rounded(number):
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _drop_unseen(element):
    """Drop descendants that draw nothing, and groups that say nothing of what they hold."""
    children = list(element)
    for child in children:
        _drop_unseen(child)
    groups = [child if child.tag == "g" and not child.attrib else [child] for child in children]
    shown = [child for group in groups for child in group if not _is_unseen(child)]
    element[:] = [child for child in shown if element.tag != "defs" or child.get("id")]


def _is_unseen(element):
    empty = element.tag in ("g", "defs") and not len(element)
    bare = element.tag == "path" and element.get("style") == "fill: none"
    return empty or bare or element.tag in ("metadata", "style")


def _drop_unused_ids(root):
    values = [value for element in root.iter() for value in element.attrib.values()]
    used = {value[1:] for value in values if value.startswith("#")}
    used |= {target for value in values for target in REFERENCE.findall(value)}
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)


def _check(app, doctree):
    """Number the figures of a page and warn of those without an alternative text."""
    for number, node in enumerate(doctree.findall(svg_figure), 1):
        node["prefix"] = f"svg{number}-"
    for node in doctree.findall(lambda node: isinstance(node, (svg_figure, nodes.image))):
        if message := _complaint(node):
            logger.warning(message, location=node, type="lectures", subtype="alt")


def _complaint(node):
    alt = " ".join(node.get("alt", "").split())
    if not alt:
        return "a figure has no alternative text (in a cell: `mystnb: {image: {alt: ...}}`)"
    figure = next((n for n in _ancestors(node) if isinstance(n, nodes.figure)), nodes.figure())
    captions = [" ".join(n.astext().split()) for n in figure.findall(nodes.caption)]
    if alt in captions:
        return f"a figure's alternative text only repeats its caption: {alt!r}"
    return None


def _ancestors(node):
    while node := node.parent:
        yield node


def _visit(translator, node):
    translator.body.append(inline_svg(node["svg"], node["alt"], node["prefix"]))
    raise nodes.SkipNode


def setup(app):
    app.add_node(svg_figure, html=(_visit, None))
    # MyST-NB finds renderers by entry points, which would reach every site built where this package
    # is installed. Its list of them is made once, so a renderer can join it for this site only.
    if SvgRenderer not in load_mime_renders():
        load_mime_renders().append(SvgRenderer)
    app.connect("doctree-read", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
