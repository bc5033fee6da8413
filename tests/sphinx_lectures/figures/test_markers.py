"""Markers, ticks and grid lines that are alike become one element, and are drawn as before."""

import re
from xml.etree import ElementTree

import pytest

from sphinx_lectures.figures import markers
from sphinx_lectures.figures.svg import inline_svg

SHAPE = '<defs><path id="m" d="M 0 0 L 1 1" style="stroke: red"/></defs>'


def merged(body):
    root = ElementTree.fromstring(f"<svg>{SHAPE}{body}</svg>")
    markers.merge(root)
    return root


def uses(*places, style="fill: blue", more=""):
    return "".join(f'<use href="#m" x="{x}" y="{y}" style="{style}" {more}/>' for x, y in places)


def test_neighbours_become_a_line_with_markers():
    root = merged(uses((1, 2), (3.5, 4), (5, 6)))
    (line,), (marker,) = root.findall("polyline"), root.findall("marker")
    assert line.get("points") == "1 2 3.5 4 5 6"
    assert f"marker: url(#{marker.get('id')})" in line.get("style")
    assert "fill: none" in line.get("style")
    assert marker.get("overflow") == "visible" and marker.get("markerUnits") == "userSpaceOnUse"
    assert root.find("use") is None


def test_a_marker_has_the_shape_and_both_styles_with_those_of_the_shape_last():
    shape = merged(uses((1, 2), (3, 4))).find("marker/path")
    assert shape.get("d") == "M 0 0 L 1 1"
    assert shape.get("style") == "fill: blue; stroke: red"


def test_a_clip_path_stays():
    line = merged(uses((1, 2), (3, 4), more='clip-path="url(#box)"')).find("polyline")
    assert line.get("clip-path") == "url(#box)"


@pytest.mark.parametrize(
    "body",
    [
        uses((1, 2)),
        uses((1, 2)) + uses((3, 4), style="fill: green"),
        uses((1, 2)) + '<path d="M 0 0"/>' + uses((3, 4)),
        uses((1, 2), (3, 4)).replace("#m", "#elsewhere"),
    ],
    ids=["single", "another style", "something between", "unknown shape"],
)
def test_all_others_stay(body):
    before = ElementTree.fromstring(f"<svg>{SHAPE}{body}</svg>")
    assert ElementTree.tostring(merged(body)) == ElementTree.tostring(before)


def test_order_is_kept_between_runs():
    body = uses((1, 2), (3, 4)) + '<path d="M 0 0"/>' + uses((5, 6), (7, 8))
    tags = [part.tag for part in merged(body)]
    assert tags == ["defs", "marker", "polyline", "path", "marker", "polyline"]
    ids = [marker.get("id") for marker in merged(body).iter("marker")]
    assert len(set(ids)) == 2


def test_an_axis_has_one_grid_and_one_line_of_ticks(draw):
    def ticks(ax):
        ax.set(xlim=(0, 8), ylim=(0, 1), xticks=range(9), yticks=[0, 1])

    root = ElementTree.fromstring(inline_svg(draw(ticks), "alt", "f-"))
    assert not root.findall(".//use")
    lines = [line.get("points").split() for line in root.iter("polyline")]
    assert sorted(map(len, lines)) == [2 * 2, 2 * 9]
    grids = [path for path in root.iter("path") if path.get("d").count("m") > 1]
    assert sorted(path.get("d").count("m") for path in grids) == [2, 9]
    assert [text.text for text in root.iter("text")] == [*map(str, range(9)), "0", "1"]


def test_shapes_that_nothing_uses_are_gone(draw):
    html = inline_svg(draw(lambda ax: ax.plot([1, 2, 4], "s")), "alt", "f-")
    ids = set(re.findall(r' id="([^"]+)"', html))
    assert ids == set(re.findall(r"#(f-[^)\"]+)", html))
    assert "<defs/>" not in html and "<use" not in html


def test_a_legend_keeps_its_marker_on_top_of_its_box(draw):
    def squares(ax):
        ax.plot([1, 2, 4], "s", label="squares")
        ax.legend(frameon=True, facecolor="white", framealpha=1)

    root = ElementTree.fromstring(inline_svg(draw(squares), "alt", "f-"))
    order = list(root.iter())
    (use,) = root.iter("use")
    box = max(i for i, part in enumerate(order) if "Canvas" in part.get("style", ""))
    assert order.index(use) > box


def test_paths_that_draw_nothing_add_nothing_to_a_grid():
    axis = ElementTree.fromstring('<g><path d="M 0 0"/><path/><path d="M 1 1"/></g>')
    markers.gather(axis)
    assert [path.get("d") for path in axis] == ["M 0 0 M 1 1"]


def test_marker_whose_shape_draws_nothing_draws_nothing():
    body = SHAPE.replace(' d="M 0 0 L 1 1"', "") + uses((1, 2), (3, 4))
    root = ElementTree.fromstring(f"<svg>{body}</svg>")
    markers.merge(root)
    assert root.find("marker/path").get("d") == ""
