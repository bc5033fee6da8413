"""The drawings of the recurrence lecture show what they claim to show."""

from collections import Counter

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation

from unrolled import figures


def new_axes():
    return Figure(figsize=(6.4, 3.6)).add_subplot()


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_the_unrolled_network_has_one_cell_and_one_set_of_weights_for_each_step(steps):
    ax = figures.unrolled_network(new_axes(), steps)
    labels = Counter(text.get_text() for text in ax.texts)
    cells = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert (
        len(cells)
        == labels["tanh"]
        == labels["$W_{xh}$"]
        == labels["$W_{hy}$"]
        == labels["$W_{hh}$"]
        == steps
    )
    for t in range(1, steps + 1):
        assert labels[f"$x_{{{t}}}$"] == labels[f"$y_{{{t}}}$"] == 1
    assert [labels[f"$h_{{{t}}}$"] for t in range(-1, steps + 2)] == [0, *[1] * (steps + 1), 0]


def test_all_of_the_unrolled_network_lies_inside_the_axes():
    ax = figures.unrolled_network(new_axes(), 4)
    canvas = ax.figure
    canvas.draw_without_rendering()
    frame = ax.get_window_extent()
    for artist in [*ax.texts, *ax.patches]:
        box = artist.get_tightbbox()
        if box is not None and box.width:
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1
            assert frame.y0 <= box.y0 and box.y1 <= frame.y1


def test_no_two_labels_of_the_unrolled_network_overlap():
    ax = figures.unrolled_network(new_axes(), 4)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    overlaps = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert boxes and not overlaps


def test_the_unrolled_network_takes_labels_for_inputs_and_outputs():
    ax = figures.unrolled_network(new_axes(), 2, inputs=["1", "0"], outputs=["a", "b"])
    labels = {text.get_text() for text in ax.texts}
    assert {"1", "0", "a", "b"} <= labels and "$x_{1}$" not in labels


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"steps": 3, "inputs": ["1", "0"]}])
def test_the_unrolled_network_demands_a_label_for_each_step(arguments):
    with pytest.raises(ValueError, match="at least one step and one label for each"):
        figures.unrolled_network(new_axes(), **arguments)


def test_state_distances_draws_the_median_between_the_extremes():
    values = np.array([[1.0, 0.1], [2.0, 0.2], [9.0, 0.9]])
    ax = figures.state_distances(new_axes(), np.array([1, 2]), {"a": values}, label_at=[(1, 1)])
    assert ax.get_yscale() == "log"
    assert ax.lines[0].get_ydata().tolist() == [2.0, 0.2]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == 0.1 and band.max() == 9.0


def test_state_distances_demands_a_place_for_each_label():
    with pytest.raises(ValueError, match="expected 1 places in label_at, got 0"):
        figures.state_distances(new_axes(), np.arange(2), {"a": np.ones((1, 2))}, label_at=[])


def test_state_distances_takes_the_short_names_of_matplotlib():
    place = [(1, 1)]
    ax = figures.state_distances(
        new_axes(), np.arange(2), {"a": np.ones((1, 2))}, label_at=place, c="red", lw=4
    )
    assert (ax.lines[0].get_color(), ax.lines[0].get_linewidth()) == ("red", 4)


def labels_and_arrows(ax):
    arrows = [text for text in ax.texts if isinstance(text, Annotation)]
    return [text.get_text() for text in ax.texts if text.get_text()], arrows


@pytest.mark.parametrize(("used", "read"), [(1, 4), (2, 4), (3, 3)])
def test_a_path_to_the_loss_carries_one_derivative_for_each_of_its_arrows(used, read):
    labels, arrows = labels_and_arrows(figures.paths_to_loss(new_axes(), 4, used=used, read=read))
    chosen = [a for a in arrows if to_hex(a.arrow_patch.get_edgecolor()) == figures.COLORS["other"]]
    between = [rf"$\partial h_{{{t + 1}}}/\partial h_{{{t}}}$" for t in range(used, read)]
    ends = [rf"$\partial h_{{{used}}}/\partial W$", rf"$\partial L/\partial h_{{{read}}}$"]
    assert sorted(label for label in labels if "partial" in label) == sorted(between + ends)
    assert len(chosen) == read - used + 2


def test_every_state_depends_on_the_weights_and_the_state_before_and_reaches_the_loss():
    labels, arrows = labels_and_arrows(figures.paths_to_loss(new_axes(), 4, used=1, read=1))
    assert labels.count("$W$") == labels.count("$L$") == 1
    assert len(arrows) == 4 + 3 + 4


@pytest.mark.parametrize(("used", "read"), [(0, 2), (3, 2), (1, 5)])
def test_a_path_to_the_loss_cannot_go_back_in_time(used, read):
    with pytest.raises(ValueError, match=f"used <= read <= steps, got used={used}, read={read}"):
        figures.paths_to_loss(new_axes(), 4, used=used, read=read)


def test_all_steps_of_a_chain_send_their_shares_to_one_weight():
    labels, arrows = labels_and_arrows(
        figures.backward_chain(new_axes(), [0.1, 0.2, 0.3], [1.0] * 3)
    )
    assert labels.count("$w$") == 1 and labels.count("1.000") == 3
    assert len(arrows) == 3 + 3


def test_a_chain_shows_small_numbers_as_powers_of_ten():
    ax = figures.backward_chain(new_axes(), [1e-5, 0.0005], [-0.0, -3e-8])
    numbers = [
        text.get_text() for text in ax.texts if "e" in text.get_text() or "." in text.get_text()
    ]
    assert numbers == ["1e−05", "0.000", "0.001", "−3e−08"]


def test_a_chain_demands_a_share_for_each_total():
    with pytest.raises(ValueError, match="expected 2 shares, one for each total, got 1"):
        figures.backward_chain(new_axes(), [0.5, 1.0], [0.5])


def test_weighted_steps_demands_the_same_number_of_everything():
    sums = np.zeros(1), np.zeros(2)
    with pytest.raises(ValueError, match=r"for each step, got \[2, 2, 1, 2, 2\]"):
        figures.weighted_steps(new_axes(), "he", np.ones((2, 1)), np.eye(2), "el", "he", [1], sums)


def test_a_grid_of_probabilities_demands_one_distribution_for_each_column():
    with pytest.raises(ValueError, match=r"that is \(2, 3\), got \(3, 2\)"):
        figures.probability_grid(new_axes(), np.ones((3, 2)), "ab", "cde")
