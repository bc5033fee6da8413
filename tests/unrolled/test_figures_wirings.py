"""The drawings of wirings and of weight blocks show what they claim to show."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from unrolled import figures

SHAPES = {
    "SimpleRNN": [(2, 4), (4, 4), (4,)],
    "LSTM": [(2, 16), (4, 16), (16,)],
    "GRU": [(2, 12), (4, 12), (2, 12)],
}
GATES = {"SimpleRNN": "h", "LSTM": "ifco", "GRU": "zrh"}


def new_axes(height=5.9):
    return Figure(figsize=(5.6, height), layout="constrained").add_subplot()


def labels(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def arrows(ax):
    """Directions of all arrows: "up" or "right"."""
    tips = [(text.xy, text.get_position()) for text in ax.texts if hasattr(text, "arrow_patch")]
    return ["up" if tip[0] == start[0] else "right" for tip, start in tips]


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (["a"], ["b"]),
        (["a", "", ""], ["b", "c", "d"]),
        (["a", "b", "c"], ["", "", "d"]),
        (["a", "b"], ["c", "d"]),
    ],
    ids=["one-to-one", "one-to-many", "many-to-one", "aligned"],
)
def test_a_wiring_has_an_arrow_for_each_input_output_and_state(inputs, outputs):
    ax = figures.wiring(new_axes(), inputs, outputs, title="wiring")
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    words = [word for word in (*inputs, *outputs) if word]
    assert len(boxes) == len(inputs)
    assert arrows(ax).count("up") == len(words)
    assert arrows(ax).count("right") == len(inputs) - 1
    assert sorted(labels(ax)) == sorted([*words, *["$f$"] * len(inputs), "wiring"])


def test_an_encoder_and_its_decoder_differ_in_colour_and_name():
    cells = ["enc", "enc", "dec"]
    ax = figures.wiring(new_axes(), ["a", "b", ""], ["", "", "c"], cells=cells)
    colors = [to_hex(box.get_edgecolor()) for box in ax.patches]
    assert colors == [figures.COLORS["SimpleRNN"]] * 2 + [figures.COLORS["other"]]
    assert [label for label in labels(ax) if label in cells] == cells


def test_inputs_stand_below_and_outputs_above_their_cells():
    ax = figures.wiring(new_axes(), ["a", "b"], ["", "c"], at=(3, -2))
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["a"][0] == 3 and places["b"][0] == places["c"][0] == 4
    assert places["b"][1] < -2 < places["c"][1]


def test_several_wirings_fit_on_one_axes_and_no_labels_overlap():
    ax = new_axes()
    figures.wiring(ax, ["photo"], ["cat"], title="one to one")
    figures.wiring(ax, ["photo", "", ""], ["a", "black", "cat"], at=(3.4, 0), title="one to many")
    figures.wiring(ax, ["a", "b", "c"], ["", "", "d"], at=(0, -2.6), title="many to one")
    ax.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert all(frame.x0 - 1 <= box.x0 and box.x1 <= frame.x1 + 1 for box in boxes)
    assert all(frame.y0 - 1 <= box.y0 and box.y1 <= frame.y1 + 1 for box in boxes)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


@pytest.mark.parametrize(
    ("inputs", "outputs", "cells"), [([], [], ()), (["a"], [], ()), (["a"], ["b"], ["f", "f"])]
)
def test_a_wiring_demands_one_label_of_each_kind_for_each_step(inputs, outputs, cells):
    with pytest.raises(ValueError, match="one input, output and cell for each"):
        figures.wiring(new_axes(), inputs, outputs, cells=cells)


def test_a_wiring_of_three_different_cells_is_refused():
    with pytest.raises(ValueError, match="expected at most 2 different cells, got 3"):
        figures.wiring(new_axes(), "abc", "abc", cells="edx")


def test_weight_blocks_are_drawn_to_scale():
    ax = figures.weight_blocks(new_axes(), SHAPES, GATES)
    blocks = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    drawn = sum(block.get_width() * 4 * block.get_height() * 4 for block in blocks)
    assert np.isclose(drawn, sum(np.prod(shape) for name in SHAPES for shape in SHAPES[name]))


def test_weight_blocks_are_named_in_order_from_the_left_in_both_kernels():
    ax = figures.weight_blocks(new_axes(), SHAPES, GATES)
    rows = {}
    for text in ax.texts:
        if len(text.get_text()) == 1:
            x, y = text.get_position()
            rows.setdefault(round(y, 6), []).append((x, text.get_text()))
    by_height = ["".join(label for _, label in sorted(rows[y])) for y in sorted(rows)[::-1]]
    assert by_height == ["h", "h", "ifco", "ifco", "zrh", "zrh"]


def test_a_gru_with_two_rows_of_bias_says_so():
    once = figures.weight_blocks(new_axes(), {"LSTM": SHAPES["LSTM"]}, GATES)
    twice = figures.weight_blocks(new_axes(), {"GRU": SHAPES["GRU"]}, GATES)
    assert "recurrent bias" in labels(twice) and "recurrent bias" not in labels(once)


def test_no_labels_of_weight_blocks_overlap():
    ax = figures.weight_blocks(new_axes(5.0), SHAPES, GATES)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
