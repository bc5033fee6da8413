"""Lines of forecasts: the colour of the cell, a band over seeds, baselines told apart."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from unrolled.figures import COLORS, forecast_lines


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_a_network_has_the_colour_of_its_cell_and_a_band_over_its_seeds(ax):
    values = np.array([[1.0, 5.0], [2.0, 4.0], [9.0, 0.0]])
    assert forecast_lines(ax, np.array([1, 2]), {"SimpleRNN, free": values}) is ax
    (line,), (band,) = ax.lines, ax.collections
    assert line.get_color() == COLORS["SimpleRNN"]
    np.testing.assert_array_equal(line.get_ydata(), [2, 4])
    assert to_hex(band.get_facecolor()[0]) == COLORS["SimpleRNN"]
    reach = band.get_paths()[0].get_extents()
    assert (reach.ymin, reach.ymax) == (0, 9)


def test_a_network_may_be_named_as_keras_names_its_layer(ax):
    forecast_lines(ax, np.arange(3), {"lstm": np.ones(3), "GRU": np.ones(3)})
    assert [line.get_color() for line in ax.lines] == [COLORS["LSTM"], COLORS["GRU"]]
    assert [line.get_linestyle() for line in ax.lines] == ["-.", "-"]


def test_more_baselines_than_looks_are_refused(ax):
    with pytest.raises(ValueError, match="expected at most 4 baselines, got 5"):
        forecast_lines(ax, np.arange(3), dict.fromkeys("abcde", np.ones(3)))


def test_baselines_have_no_band_and_differ_in_more_than_colour(ax):
    names = ("AR(9)", "persistence", "mean", "last cycle")
    forecast_lines(ax, np.arange(3), dict.fromkeys(names, np.arange(3.0)))
    assert not ax.collections
    assert [line.get_label() for line in ax.lines] == list(names)
    assert len({line.get_linestyle() for line in ax.lines}) == len(names)
