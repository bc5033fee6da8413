"""Figures stand in the page as SVG in its colours, each with an alternative text."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import tiny_site
from docutils import nodes
from drawing import draw, show

from sphinx_lectures.figures import svg as extension
from sphinx_lectures.figures.svg import SvgRenderer, inline_svg, svg_figure


def lines(ax):
    ax.plot([1, 2, 3], [1, 4, 9], label="measured")
    ax.axhline(5, color="black")
    ax.text(1, 6, "bold words", weight="bold", style="italic")
    ax.set(xlabel="time step", ylabel=r"$10^{-3}$")
    ax.legend()


def test_figure_has_a_role_an_alternative_text_and_a_size():
    html = inline_svg(draw(lines), 'It "rises" & <grows>', "svg1-")
    opening = re.match("<svg [^>]*>", html)[0]
    assert 'role="img" aria-label="It &quot;rises&quot; &amp; &lt;grows&gt;"' in opening
    assert 'viewBox="0 0 403.2 244.8" width="538" height="326"' in opening


def test_prolog_metadata_comments_and_styles_are_gone():
    html = inline_svg(draw(lines), "alt", "svg1-")
    for word in ("<?xml", "<!DOCTYPE", "<!--", "metadata", "<style", "xmlns", "xlink", "ns0"):
        assert word not in html


def test_text_stays_text_in_the_font_of_the_page():
    html = inline_svg(draw(lines), "alt", "svg1-")
    assert re.search(r"<text[^>]*>time step</text>", html)
    assert "DejaVu" not in html
    assert "font-family" not in html and "font:" not in html
    assert "font-style: italic; font-weight: 700; font-size: 1.1em" in html


def test_black_follows_the_text_colour_and_white_the_background():
    def plot(ax):
        lines(ax)
        ax.plot([1], [1], "o", color="white", markeredgecolor="black")

    html = inline_svg(draw(plot), "alt", "svg1-")
    assert "#000000" not in html and "#ffffff" not in html
    assert "stroke: currentColor" in html
    assert "fill: var(--pst-color-background, Canvas)" in html


@pytest.mark.parametrize("letters", ["none", "path"])
def test_white_letters_on_something_coloured_stay_white(letters):
    def plot(ax):
        bars = ax.bar(["a"], [3], color="navy")
        ax.bar_label(bars, label_type="center", color="white", bbox={"facecolor": "white"})

    root = ElementTree.fromstring(inline_svg(draw(plot, {"svg.fonttype": letters}), "alt", "svg1-"))
    white = [element.tag for element in root.iter() if "#ffffff" in element.get("style", "")]
    assert white == ["text" if letters == "none" else "g"]


def test_ids_of_two_figures_differ_and_references_follow():
    svg = draw(lines)
    first, second = (inline_svg(svg, "alt", prefix) for prefix in ("svg1-", "svg2-"))
    ids = [set(re.findall(r'\bid="([^"]*)"', html)) for html in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    for html, known in zip((first, second), ids, strict=True):
        used = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', html))
        assert {a or b for a, b in used} == known


def test_space_in_a_text_of_paths_is_a_glyph_that_draws_nothing():
    html = inline_svg(draw(lambda ax: ax.set_title("a b"), {}), "alt", "svg1-")
    root = ElementTree.fromstring(html)
    shapes = {shape.get("id"): shape.get("d") for shape in root.iter("path")}
    assert shapes["svg1-DejaVuSans-3"] == ""
    assert {use.get("href")[1:] for use in root.iter("use")} <= set(shapes)


@pytest.mark.parametrize("short", [True, False])
def test_line_of_no_numbers_draws_nothing_and_harms_nothing(short):
    nan = float("nan")
    html = inline_svg(draw(lambda ax: ax.plot([nan, nan])), "alt", "svg1-", short)
    lines = [path for path in ElementTree.fromstring(html).iter("path") if not path.get("d")]
    assert len(lines) == 1


def test_text_of_paths_keeps_its_scale_and_places_are_short():
    svg = draw(lambda ax: ax.set_title("time step"), {})
    html = inline_svg(svg, "alt", "svg1-")
    scales = [set(re.findall(r"scale\([^)]*\)", text)) for text in (svg, html)]
    assert "scale(0.015625)" in scales[1] and scales[0] == scales[1]
    moves = re.findall(r"translate\(([^)]*)\)", html)
    assert moves and not re.search(r"\.\d{3}", " ".join(moves))


def test_drawing_by_another_program_is_left_to_myst_nb():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><style>circle {fill: red}</style></svg>'
    data = SimpleNamespace(mime_type="image/svg+xml", string=svg)
    assert SvgRenderer.handle_mime(None, data, inline=False) is None


@pytest.mark.parametrize(
    ("node", "captions", "complaint"),
    [
        (svg_figure(svg="", alt=""), ["A caption."], "has no alternative text"),
        (svg_figure(svg="", alt="A  caption."), ["A caption."], "only repeats its caption"),
        (svg_figure(svg="", alt="Two lines cross."), ["A caption."], None),
        (svg_figure(svg="", alt="Two lines cross."), [], None),
        (nodes.image(uri="a.png"), ["A caption."], "has no alternative text"),
        (nodes.image(uri="a.png", alt="A plan."), ["A caption."], None),
    ],
)
def test_alternative_text_must_say_something_of_its_own(monkeypatch, node, captions, complaint):
    warnings = []
    monkeypatch.setattr(
        extension.logger, "warning", lambda message, location, **_: warnings.append(message)
    )
    document = nodes.document(None, None)
    document += nodes.figure("", node.deepcopy(), *(nodes.caption("", text) for text in captions))
    extension._check(None, document)
    assert len(warnings) == (complaint is not None)
    assert all(complaint in warning for warning in warnings)


@pytest.fixture
def said_of(tmp_path):
    """What is warned of when a site of one notebook is built, in which a cell shows a figure."""

    def build(plot, builder="html", **image):
        shown = {"image/svg+xml": draw(plot, {}), "text/plain": "<Figure size 640x480 with 1 Axes>"}
        show(tmp_path, shown, image={"alt": "A plot.", **image})
        extensions = ["myst_nb", "sphinx_lectures.figures"]
        return tiny_site.build(tmp_path, extensions, builder, nb_execution_mode="off")[1]

    return build


def long_label(ax):
    ax.barh(["a very long name that needs much room"], [1])


def legend_beside(ax):
    ax.plot([1, 2], label="a line")
    ax.legend(bbox_to_anchor=(1.1, 1))


@pytest.mark.parametrize("plot", [long_label, legend_beside])
def test_what_lies_beyond_the_canvas_is_complained_of(said_of, plot):
    assert re.search(r"index\.ipynb:\d+: .* reaches \d+ points beyond .*canvas", said_of(plot))


@pytest.mark.parametrize("plot", [lines, lambda ax: ax.set(xlim=(0, 1), ylabel="$x^2$")])
def test_drawing_within_its_canvas_draws_no_complaint(said_of, plot):
    assert said_of(plot) == ""


def test_size_that_an_svg_does_not_take_is_complained_of(said_of):
    said = said_of(lines, width="300px")
    assert re.search(r"index\.ipynb:\d+: .*`width` of `mystnb: image`", said)


def test_builder_that_shows_no_figure_says_so(said_of):
    assert re.search(r"index\.ipynb:\d+: .*a figure is left out", said_of(lines, "latex"))


def test_complaint_of_an_image_in_the_text_says_where_it_is_and_what_to_write(tmp_path):
    tiny_site.write(tmp_path, {"index.md": "# Page\n\nText.\n\n![](x.png)\n", "x.png": ""})
    _, warning = tiny_site.build(tmp_path, ["myst_nb", "sphinx_lectures.figures"])
    assert "index.md:5: WARNING: a figure has no alternative text" in warning
    assert "`![...](file)`" in warning and "`mystnb: {image: {alt: ...}}` of a cell" in warning


def test_letters_have_sizes_relative_to_those_around_them():
    svg = draw(lambda ax: ax.set(xlabel="$x_1^2$ and more", title="A title"))
    root = ElementTree.fromstring(inline_svg(svg, "Letters", "a-"))
    page, own = 10, {}

    def walk(element, size):
        found = re.search(r"font-size: ([\d.]+)(\w+)", element.get("style", ""))
        if found:
            assert found[2] == "em"
            size *= float(found[1])
            own["".join(element.itertext()).strip()] = size
        for child in element:
            walk(child, size)

    walk(root, page)
    assert own["A title"] == pytest.approx(11, abs=2)
    assert min(own.values()) > 6 and max(own.values()) < 20
    places = [part for span in root.iter("tspan") for part in (span.get("x"), span.get("y"))]
    assert any(place.endswith("em") for place in places)  # they move with the size
    assert all(place == "0" or place.endswith("em") for place in places if place)
