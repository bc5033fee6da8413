"""Figures of cells stand in the page as SVG, so that they follow its font and its theme.

Black becomes the page's text colour and white its background (but for white letters, which stand
on something coloured), text stays text, and size and alternative text come along; what is not seen
does not. Drawings of other programs than Matplotlib are left to MyST-NB. A figure or image without
an alternative text fails the build, and so does what a page would lose of a figure.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from sphinx_lectures import NOT_HTML, add_style
from sphinx_lectures.figures import private
from sphinx_lectures.figures.canvas import overhang
from sphinx_lectures.figures.svg_paths import shorten

logger = logging.getLogger(__name__)

#: How the one style sheet of a drawing by Matplotlib begins.
MATPLOTLIBS = re.compile(r"<style[^>]*>\s*\*\{stroke-line")
XML = "{http://www.w3.org/XML/1998/namespace}"
PIXELS = 96 / 72  #: of CSS in a point
PAINTS = frozenset({"fill", "stroke", "color", "stop-color", "style"})
BLACK = re.compile(r"(^|:\s*)(#000(000)?|black)(?![\w-])", re.I)
WHITE = re.compile(r"(^|:\s*)(#fff(fff)?|white)(?![\w-])", re.I)
LETTERED = {"text", "tspan", "g"}  #: elements whose paint is that of letters
REFERENCE = re.compile(r"""(url\(['"]?#)([^'")]+)""")
FAMILY = re.compile(r"(; )?font-family: [^;]*")
LETTERS = re.compile(r"(?<=font-size: )([\d.]+)px")
SIZE = 10  #: of letters, in pixels, as figures.css has it, which enlarges them on a narrow page
LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}")
MOVE = re.compile(r"(translate|rotate)\([^)]*\)")
NO_TURN = re.compile(r"rotate\(-?0(\.0*)?[ )][^)]*\)?")
NO_WORDS = (
    "a figure has no alternative text (`![...](file)`, or `mystnb: {image: {alt: ...}}` of a cell)"
)
#: Said of a drawing with that many points.
BEYOND = (
    "a figure reaches {} points beyond its canvas, where the page cuts it: give it room, for"
    ' example by `layout="constrained"`'
)


class svg_figure(nodes.General, nodes.Element):
    """A figure drawn by a cell: its `svg`, its `alt`, and a `prefix` for its ids."""


class SvgRenderer:
    """Keeps drawings of cells in the page, where MyST-NB would link to a file."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        if data.mime_type != "image/svg+xml" or not MATPLOTLIBS.search(data.string):
            return None
        return [figure_of(renderer, data, data.string)]


def figure_of(renderer, data, svg):
    """The node for a drawing in the output of a cell."""
    options = {**private.image_options(renderer, data)}
    figure = svg_figure(svg=svg, alt=str(options.pop("alt", None) or "").strip())
    private.set_place(renderer, data, figure)
    if points := overhang(svg):
        _warn(figure, "canvas", BEYOND.format(points))
    for name in options:
        _warn(figure, "image", f"`{name}` of `mystnb: image` sets nothing of an SVG: use `figsize`")
    return figure


def inline_svg(svg, alt, prefix, short=True):
    """HTML for a figure in SVG by Matplotlib: black is the colour of the surrounding text.

    The `prefix` is put before every id, so that the ids of two figures of a page differ. Paths stay
    as Matplotlib wrote them unless `short`.
    """
    root = ElementTree.fromstring(svg.encode())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {
            name if name.startswith(XML) else name.rpartition("}")[2]: value
            for name, value in element.items()
        }
    width, height = (float(root.get(name)[: -len("pt")]) for name in ("width", "height"))
    _lighten(root, prefix, short)
    root.attrib = {
        "class": "figure-svg",
        "role": "img",
        "aria-label": alt,
        "viewBox": f"0 0 {width:g} {height:g}",
        "width": f"{width * PIXELS:.0f}",
        "height": f"{height * PIXELS:.0f}",
        "fill": "currentColor",
    }
    html = ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")
    return re.sub(r">\s+<", "><", html)


def _lighten(root, prefix, short):
    """Drop what is not seen, and write the rest short."""
    for element in root.iter():
        cleaned = {name: _clean(element, name, prefix) for name in element.attrib}
        element.attrib = {name: value for name, value in cleaned.items() if value}
    _size_letters(root, SIZE)
    _drop_unused_ids(root)
    _drop_unseen(root)
    if short:
        for path in root.iter("path"):
            path.set("d", shorten(path.get("d", "")))


def _clean(element, name, prefix):
    """An attribute's value in the page's colours, font and ids; places with two decimals."""
    value = element.get(name)
    if name == "d":
        return " ".join(value.split())
    if name in ("x", "y", "points"):
        return " ".join(LONG_DECIMAL.sub(_rounded, value).split())
    if name == "transform":  # scales keep all digits: they multiply whatever is within
        value = MOVE.sub(lambda move: LONG_DECIMAL.sub(_rounded, move[0]), NO_TURN.sub("", value))
        return " ".join(value.split())
    if name == "id":
        return prefix + value
    if name == "href" and value.startswith("#"):
        return "#" + prefix + value[1:]
    value = REFERENCE.sub(rf"\g<1>{prefix}\2", value)
    if name in PAINTS:
        value = BLACK.sub(r"\1currentColor", value)
        if element.tag not in LETTERED:
            value = WHITE.sub(r"\1var(--pst-color-background, Canvas)", value)
    return FAMILY.sub("", value)


def _size_letters(element, size):
    """Give the size of letters as a multiple of the one around them, which is `size`.

    The parts of a formula stand as far apart as their letters are large.
    """
    if found := LETTERS.search(element.get("style", "")):
        own = float(found[1])
        element.set("style", LETTERS.sub(f"{own / size:.4g}em", element.get("style")))
        size = own
    for name in ("x", "y") if element.tag == "tspan" else ():
        if place := element.get(name):
            element.set(name, " ".join(_in_letters(part, size) for part in place.split()))
    for child in element:
        _size_letters(child, size)


def _in_letters(place, size):
    return f"{float(place) / size:.3f}".rstrip("0").rstrip(".") + "em" if float(place) else "0"


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
    used |= {target for value in values for _, target in REFERENCE.findall(value)}
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)


def _check(app, doctree):
    """Number the figures of a page and warn of those without an alternative text."""
    for number, node in enumerate(doctree.findall(svg_figure), 1):
        node["prefix"] = f"svg{number}-"
    for node in doctree.findall(lambda node: isinstance(node, (svg_figure, nodes.image))):
        alt = " ".join(node.get("alt", "").split())
        figure = next((n for n in _ancestors(node) if isinstance(n, nodes.figure)), nodes.figure())
        captions = [" ".join(n.astext().split()) for n in figure.findall(nodes.caption)]
        if not alt:
            _warn(node, "alt", NO_WORDS)
        elif alt in captions:
            _warn(node, "alt", f"a figure's alternative text only repeats its caption: {alt!r}")


def _warn(node, kind, message):
    place = next((n for n in (node, *_ancestors(node)) if n.line), node)
    logger.warning(message, location=place, type="lectures", subtype=kind)


def _ancestors(node):
    while node := node.parent:
        yield node


class SayWhatIsLeftOut(SphinxPostTransform):
    """Figures are made for HTML; elsewhere a cell's words stand in their place, if it has some."""

    default_priority = 3  # before MyST-NB chooses among the formats of an output
    formats = NOT_HTML

    def run(self):
        for node in self.document.findall(svg_figure):
            if "<Figure size" in node.parent.parent.astext():
                _warn(node, "figure", "a figure is left out: it is made for HTML only")


def _visit(translator, node):
    translator.body.append(inline_svg(node["svg"], node["alt"], node["prefix"]))
    raise nodes.SkipNode


def connect(app):
    add_style(app, Path(__file__).with_name("figures.css"))
    app.add_node(svg_figure, html=(_visit, None))
    app.add_post_transform(SayWhatIsLeftOut)
    private.add_renderer(SvgRenderer)
    app.connect("doctree-read", _check)
