"""Curves of gradients show norms over time, bands over seeds, and the colours of the cells."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from unrolled import figures
from unrolled.figures.style import color_of


def test_gradients_of_several_seeds_are_a_median_in_a_band():
    seeds, time = np.array([1.0, 2.0, 10.0]), np.array([1.0, 3.0])
    gradients = (seeds[:, None] * time)[:, None, :, None]  # (seeds, batch, time, units)
    ax = figures.gradient_norms(Figure().add_subplot(), {"LSTM": gradients})
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 2], [2, 6]])
    corners = ax.collections[0].get_paths()[0].vertices
    for step, reach in ((1, (1, 10)), (2, (3, 30))):
        heights = corners[corners[:, 0] == step, 1]
        assert (heights.min(), heights.max()) == pytest.approx(reach)
    assert tuple(ax.collections[0].get_facecolor()[0][:3]) == to_rgba(figures.COLORS["LSTM"])[:3]


def test_gradients_of_one_seed_have_no_band():
    ax = figures.gradient_norms(Figure().add_subplot(), {"LSTM": np.ones((2, 3, 4))})
    assert len(ax.collections) == 0


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5, 5, 4)], ids=str)
def test_gradients_of_other_axes_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected 'conv' of shape .* join axes with"):
        figures.gradient_norms(Figure().add_subplot(), {"conv": np.ones(shape)})


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
