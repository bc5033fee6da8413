"""Curves of gradients show norms over time, bands over seeds, and the colours of the cells."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from unrolled import figures
from unrolled.figures.style import color_of
from unrolled.flow import Flow


def test_gradients_of_several_seeds_are_a_median_in_a_band():
    seeds, time = np.array([1.0, 2.0, 10.0]), np.array([1.0, 3.0])
    gradients = (seeds[:, None] * time)[:, None, :, None]  # (seeds, batch, time, units)
    ax = figures.gradient_norms(Figure().add_subplot(), {"LSTM": gradients}, seeds=True)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 2], [2, 6]])
    corners = ax.collections[0].get_paths()[0].vertices
    for step, reach in ((1, (1, 10)), (2, (3, 30))):
        heights = corners[corners[:, 0] == step, 1]
        assert (heights.min(), heights.max()) == pytest.approx(reach)
    assert tuple(ax.collections[0].get_facecolor()[0][:3]) == to_rgba(figures.COLORS["LSTM"])[:3]


def test_gradients_of_one_seed_have_no_band():
    ax = figures.gradient_norms(Figure().add_subplot(), {"LSTM": np.ones((2, 3, 4))})
    assert len(ax.collections) == 0


def lines_of(names, steps=9):
    """The figure and its lines after a draw without a style, as in a script."""
    ax = figures.gradient_norms(
        Figure().add_subplot(), dict.fromkeys(names, np.ones((2, steps, 3)))
    )
    ax.figure.draw_without_rendering()
    return ax, ax.lines


def test_a_single_step_has_a_marker():
    _, lines = lines_of(["lstm", "lstm/c", "gru"], steps=1)
    assert [line.get_marker() for line in lines] == ["o", "s", "o"]


def test_lines_of_one_cell_type_differ_in_dashes_or_markers():
    _, lines = lines_of([f"lstm_{i}" for i in range(24)])
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 24


def test_markers_stand_only_where_colour_and_dashes_come_again():
    _, lines = lines_of(["SimpleRNN", "LSTM", "GRU", "LSTM, slow", "GRU, slow", "LSTM, fast"])
    assert [line.get_marker() for line in lines] == [" "] * 5 + ["o"]


def test_the_legend_shows_names_as_they_are_written():
    names = ["_inner", "a$b_1$", "x$y"]
    texts = lines_of(names)[0].get_legend().get_texts()
    written = [text._preprocess_math(text.get_text()) for text in texts]
    assert [(text.strip(), is_math) for text, is_math in written] == [(n, False) for n in names]


@pytest.mark.parametrize("name", ["lstm_", "bidirectional_encoder_of_sentences/forward_lstm_"])
@pytest.mark.parametrize("count", [2, 6, 7, 8])
def test_a_legend_is_whole_and_from_seven_entries_on_beside_the_axes(name, count):
    ax, _ = lines_of([f"{name}{i}" for i in range(count)])
    frame, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
    assert (legend.x0 >= frame.x1) == (count >= 7) and frame.width > 150
    assert legend.min.min() >= 0 and np.all(legend.max <= ax.figure.bbox.max)


@pytest.mark.parametrize("flow", [np.ones((2, 3, 4)), [np.ones((2, 3, 4))]])
def test_gradients_without_names_are_refused(flow):
    with pytest.raises(TypeError, match=r"expected arrays under their names, got (ndarray|list)"):
        figures.gradient_norms(Figure().add_subplot(), flow)


def test_bars_stand_above_their_label_whatever_the_order_of_names():
    norms = {"LSTM": {"kernel": [1.0], "bias": [2.0]}, "GRU": {"bias": [3.0], "kernel": [4.0]}}
    ax = figures.weight_gradient_bars(Figure().add_subplot(), norms)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["kernel", "bias"]
    assert [bar.get_height() for bar in ax.patches] == [1, 2, 4, 3]


@pytest.mark.parametrize(
    ("norms", "message"),
    [
        ({}, "expected at least 1 entry, got none"),
        ({"LSTM": {"kernel": 1.0}}, r"shape \(seeds,\) for each tensor of 'LSTM', got \(\)"),
        ({"LSTM": {"a": [1.0]}, "GRU": {"b": [1.0]}}, r"expected \['a'\] of 'GRU', got \['b'\]"),
    ],
)
def test_bars_without_names_in_common_or_seeds_are_refused(norms, message):
    with pytest.raises(ValueError, match=message):
        figures.weight_gradient_bars(Figure().add_subplot(), norms)


def test_more_curves_than_looks_are_refused():
    curves = dict.fromkeys("abcd", np.ones((2, 3)))
    with pytest.raises(ValueError, match="expected at most 3 entries, got 4"):
        figures.bands(Figure().add_subplot(), np.arange(3), curves)
    with pytest.raises(ValueError, match="expected at most 2 entries, got 4"):
        figures.growth_rates(Figure().add_subplot(), np.arange(3), np.arange(3), curves)


def test_gains_may_be_a_list():
    rates = {"a": np.zeros((2, 2)), "b": np.ones((2, 2))}
    ax = figures.growth_rates(Figure().add_subplot(), [0.5, 1.0], [-0.7, 0.0], rates)
    np.testing.assert_allclose(ax.containers[1].lines[0].get_xdata(), [0.525, 1.025])


def test_a_learning_curve_has_the_colour_of_its_cell_however_it_is_written():
    curves = {"lstm": np.ones(3), "no state": np.ones(3)}
    ax = figures.learning_curves(Figure().add_subplot(), np.arange(3), curves, {})
    assert [line.get_color() for line in ax.lines] == [color_of("LSTM"), color_of("no state")]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 4), r"shape \(batch, time, ...units\) .* got \(3, 4\)"),
        ((0, 3, 4), r"'rnn' with no empty axis, got \(0, 3, 4\)"),
    ],
    ids=str,
)
def test_gradients_that_are_empty_or_lack_an_axis_are_refused(shape, words):
    with pytest.raises(ValueError, match=words):
        figures.gradient_norms(Figure().add_subplot(), {"rnn": np.ones(shape)})


def test_gradients_of_a_convolutional_layer_are_drawn_at_their_time_steps():
    of_conv = np.ones((2, 3, 5, 5, 4)) * np.array([1.0, 2.0, 4.0])[:, None, None, None]
    ax = figures.gradient_norms(Figure().add_subplot(), {"conv_lstm2d": of_conv})
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 10], [2, 20], [3, 40]])


def test_both_halves_of_a_bidirectional_layer_are_drawn_at_the_steps_of_their_input():
    rising = np.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
    names = "both/forward_gru", "both/backward_gru"
    flow = Flow(dict.fromkeys(names, rising), backward=frozenset(names[1:]))
    ax = figures.gradient_norms(Figure().add_subplot(), flow)
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines], [[1, 2, 4], [4, 2, 1]])
    assert ax.get_xlabel() == "time step t of the input"
    ax = figures.gradient_norms(Figure().add_subplot(), Flow({"gru": rising}))
    assert ax.get_xlabel() == "time step t"


def test_singular_values_are_drawn_against_steps_back_down_to_a_millionth_of_the_largest():
    logs = np.array([[0.0, -1.0], [0.5, -np.inf]])
    ax = figures.singular_values(Figure().add_subplot(), logs)
    other, largest = ax.lines
    np.testing.assert_allclose(largest.get_xydata(), [[1, 1], [2, np.exp(0.5)]])
    np.testing.assert_allclose(other.get_xydata(), [[1, np.exp(-1)], [2, 0]])
    ax.figure.canvas.draw()  # without a warning
    assert ax.get_ylim()[0] == pytest.approx(1e-6)
    assert len(figures.singular_values(Figure().add_subplot(), logs[:, :1]).lines) == 1


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("LSTM", "LSTM"),
        ("simple_rnn_3", "SimpleRNN"),
        ("both/forward_lstm/c", "LSTM"),
        ("both/backward_gru_1", "GRU"),
        ("my_cell", "other"),
        ("", "other"),
    ],
)
def test_a_name_has_the_colour_of_the_cell_that_it_begins_with(name, cell):
    assert color_of(name) == figures.COLORS[cell]
