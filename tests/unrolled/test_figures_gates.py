"""The drawing of a gated cell shows the equations of that cell."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from unrolled import figures
from unrolled.figures.gates import GATES, INPUT, TOP


def new_axes():
    return Figure(figsize=(5.6, 3.0), layout="constrained").add_subplot()


def labels(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def arrows(ax):
    """(start, end) of all arrows."""
    return [(t.get_position(), t.xy) for t in ax.texts if hasattr(t, "arrow_patch")]


@pytest.mark.parametrize(("kind", "boxes", "products"), [("LSTM", "figo", 3), ("GRU", "zgr", 2)])
def test_a_cell_has_its_gates_products_and_one_sum(kind, boxes, products):
    drawn = labels(figures.gated_cell(new_axes(), kind))
    assert [label for label in drawn if label in {f"${gate}$" for gate in "figozr"}] == [
        f"${gate}$" for gate in boxes
    ]
    assert drawn.count("×") == products
    assert drawn.count("+") == 1


@pytest.mark.parametrize(("kind", "state"), [("LSTM", "c"), ("GRU", "h")])
def test_only_the_additive_path_has_the_color_of_the_cell(kind, state):
    ax = figures.gated_cell(new_axes(), kind)
    assert f"${state}_{{t-1}}$" in labels(ax)
    assert f"${state}_t$" in labels(ax)
    for text in ax.texts:
        if hasattr(text, "arrow_patch"):
            on_path = text.get_position()[1] == text.xy[1] == TOP
            color = to_hex(text.arrow_patch.get_edgecolor())
            assert (color == figures.COLORS[kind]) == on_path


@pytest.mark.parametrize(("kind", "boxes"), [("LSTM", 4), ("GRU", 3)])
def test_every_gate_and_candidate_is_fed_by_the_input(kind, boxes):
    rising = [
        start
        for start, end in arrows(figures.gated_cell(new_axes(), kind))
        if INPUT < start[1] < GATES and start[0] == end[0] and end[1] < GATES
    ]
    assert len(rising) == boxes


def test_a_cell_without_a_drawing_is_refused():
    with pytest.raises(ValueError, match="expected 'LSTM' or 'GRU', got 'SimpleRNN'"):
        figures.gated_cell(new_axes(), "SimpleRNN")


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_no_labels_overlap(kind):
    ax = figures.gated_cell(new_axes(), kind)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    for index, extent in enumerate(boxes):
        assert not any(extent.overlaps(other) for other in boxes[index + 1 :])
