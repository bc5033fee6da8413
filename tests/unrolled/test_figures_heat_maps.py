"""The maps of gradients: what they mark, what they leave empty, what they refuse."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from unrolled import figures

HALVED = 0.5 ** np.outer([1.0, 0.5, 0.1], np.arange(20))  # reaches 6.6, 13.3 and more steps back
STEPS = np.array([0, 10, 100])


def drawn(norms):
    ax = Figure().add_subplot()
    assert figures.gradient_heat_map(ax, STEPS, norms) is ax
    filled, line = ax.collections
    return ax, filled, line


def test_the_dashed_line_stands_where_one_per_cent_is_left():
    _, _, line = drawn(HALVED)
    vertices = np.concatenate([path.vertices for path in line.get_paths()])
    heights = {step: vertices[np.isclose(vertices[:, 0], step), 1] for step in STEPS}
    one_per_cent = np.log2(100)
    np.testing.assert_allclose(heights[0], one_per_cent, 1e-6)
    np.testing.assert_allclose(heights[10], 2 * one_per_cent, 1e-6)
    assert len(heights[100]) == 0


def test_bands_are_powers_of_ten_or_parts_of_them_down_to_eight():
    _, filled, _ = drawn(HALVED)  # 0.5 ** 19 is 10 ** -5.7
    np.testing.assert_allclose(filled.levels, np.arange(-6, 1))
    _, filled, _ = drawn(HALVED ** (1 / 2))
    np.testing.assert_allclose(filled.levels, np.arange(-3, 0.1, 0.5))
    _, filled, _ = drawn(HALVED**9)
    np.testing.assert_allclose(filled.levels, np.arange(-8, 1))


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_zeros_and_values_that_are_not_finite_are_drawn_without_warning(value):
    norms = HALVED.copy()
    norms[1, 5:] = value
    ax, filled, _ = drawn(norms)
    ax.figure.canvas.draw()
    assert np.isfinite(filled.levels).all()


def holes(drawn):
    """Whether no band covers the middles between measurements and lags, in (lags, steps)."""
    middles = np.array([[(5, lag + 0.5), (90, lag + 0.5)] for lag in range(19)])
    covered = [path.contains_points(middles.reshape(-1, 2)) for path in drawn.get_paths()]
    return ~np.any(covered, axis=0).reshape(19, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_only_places_that_are_not_finite_stay_empty(value):
    norms = HALVED.copy()
    norms[2, 8:12] = value
    _, filled, line = drawn(norms)
    expected = np.zeros((19, 2), bool)
    expected[7:12, 1] = True
    np.testing.assert_array_equal(holes(filled), expected)
    whole, around = drawn(HALVED)[2].get_paths(), line.get_paths()  # the line lies elsewhere
    np.testing.assert_array_equal(whole[0].vertices, around[0].vertices)


def test_zeros_have_the_lowest_colour_even_where_a_measurement_holds_nothing_else():
    _, filled, _ = drawn(HALVED * [[1], [1], [0]])
    assert not holes(filled).any()
    assert filled.get_paths()[0].contains_points([(98, 1), (98, 18)]).all()


def test_a_negative_norm_is_refused():
    with pytest.raises(ValueError, match="expected norms that are not negative, got -1"):
        drawn(-HALVED)


def test_the_scale_says_what_it_shows():
    ax, _, _ = drawn(HALVED)
    assert ax.figure.axes[1].get_ylabel() == "norm of dL/dh"


@pytest.mark.parametrize("norms", [np.ones((1, 5)), np.ones((3, 1)), np.ones(3), np.ones((2, 5))])
def test_too_little_to_draw_is_refused(norms):
    with pytest.raises(ValueError, match=r"at least two measurements .* got 3 steps and norms of"):
        figures.gradient_heat_map(Figure().add_subplot(), STEPS, norms)


def test_a_map_of_nothing_is_refused():
    with pytest.raises(ValueError, match="expected a norm that is positive and finite, got none"):
        figures.gradient_heat_map(Figure().add_subplot(), STEPS, np.zeros((3, 5)))


def test_states_of_one_cell_type_have_its_colour_and_zeros_are_left_out():
    ax = Figure().add_subplot()
    names = ("lstm", "lstm/c", "both/forward_lstm", "rnn/gru_cell_1", "rnn")
    figures.gradient_norms(ax, {name: np.array([[[1.0], [0.0], [2.0]]]) for name in names})
    kinds = ("LSTM", "LSTM", "LSTM", "GRU", "other")
    assert [line.get_color() for line in ax.lines] == [figures.COLORS[kind] for kind in kinds]
    ax.figure.canvas.draw()
    assert ax.get_ylim()[0] > 0.5


# By unit


def unit_map(values, **options):
    ax = figures.unit_heat_map(Figure().add_subplot(), values, **options)
    (image,) = ax.images
    ax.figure.canvas.draw()
    return ax, image


def test_a_map_by_unit_shows_sizes_over_the_batch_on_a_log_scale():
    values = np.array([[[3.0, 0.0], [1e-9, -4.0]], [[-3.0, 0.0], [1e-9, 4.0]]])
    ax, image = unit_map(values)
    np.testing.assert_allclose(image.get_array(), [[3, 1e-9], [0, 4]])  # (units, time)
    assert (image.norm.vmin, image.norm.vmax) == pytest.approx((4e-8, 4))
    assert image.norm(0.0) == image.norm(1e-9) == 0  # the lowest colour, not a hole
    assert image.get_extent() == [0.5, 2.5, 0.5, 2.5]  # step 1 and unit 1 lie at 1
    assert ax.figure.axes[1].get_ylabel() == "size of dL/dh"


def test_a_map_by_unit_shows_means_on_a_linear_scale_that_begins_at_0_or_has_it_in_the_middle():
    gates = np.array([[[0.2, 1.0]], [[0.4, 0.0]]])
    _, image = unit_map(gates, log=False, label="forget gate")
    np.testing.assert_allclose(image.get_array(), [[0.3], [0.5]])
    assert (image.norm.vmin, image.norm.vmax) == (0, 0.5)
    _, image = unit_map(gates - 1, log=False)
    assert (image.norm.vmin, image.norm.vmax) == pytest.approx((-0.7, 0.7))


def test_a_map_by_unit_leaves_empty_what_is_not_finite():
    _, image = unit_map(np.array([[[1.0, np.nan], [np.inf, 2.0]]]))
    assert image.get_array().mask.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("values", "log"), [(np.zeros((1, 2, 3)), True), (np.full((1, 2, 3), np.nan), False)]
)
def test_a_map_by_unit_of_nothing_is_refused(values, log):
    with pytest.raises(ValueError, match="expected values to draw, got none among 6"):
        unit_map(values, log=log)
    assert len(unit_map(np.zeros((1, 2, 3)), log=False)[0].images) == 1
    with pytest.raises(ValueError, match=r"shape \(batch, time, units\), got \(2, 3\)"):
        unit_map(np.ones((2, 3)))
