"""One figure for several values: same axes, a frame for each, the numbers behind the curves."""

import re

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from unrolled.explorable import MIME_TYPE, explorable

STEPS = np.arange(1, 101)


def decay(ax, rate):
    ax.semilogy(STEPS, rate**STEPS, label="norm")
    ax.axhline(1e-3, label="the same for all")
    ax.set(xlabel="step")


@pytest.fixture(scope="module")
def shown():
    with matplotlib.rc_context({"svg.hashsalt": "the same ids each time"}):
        return explorable(decay, [0.5, 0.75, 0.9], name="rate", default=0.75, figsize=(4, 3))


def test_notebook_shows_the_default_frame(shown):
    data, _ = DisplayFormatter().format(shown)
    assert data["image/svg+xml"] == shown.bundle["frames"][1]
    assert data[MIME_TYPE] is shown.bundle


def test_frames_share_axes_and_differ_in_the_curve(shown):
    first, _, last = (frame.splitlines() for frame in shown.bundle["frames"])
    differing = [line for line, other in zip(first, last, strict=True) if line != other]
    assert len(differing) > 90
    assert all(re.match(r'\s*(<path d=")?[ML] [\d.]+ ', line) for line in differing), differing[0]


def test_table_holds_the_curves_that_change_at_twenty_places(shown):
    (table,) = shown.bundle["tables"]
    assert (table["label"], table["x"]) == ("norm", "step")
    assert table["places"] == list(range(1, 101, 5))
    for rate, column in zip((0.5, 0.75, 0.9), table["columns"], strict=True):
        np.testing.assert_allclose(column, rate ** np.arange(1, 101, 5), rtol=5e-3)


def test_a_curve_that_is_shorter_for_some_value_leaves_blanks():
    def draw(ax, length):
        ax.plot(np.arange(length), np.arange(length) * 1.0 + length)
        ax.set(ylabel="size")

    (table,) = explorable(draw, [2, 4], name="T", default=4).bundle["tables"]
    assert table["label"] == "size" and table["places"] == [0, 1, 2, 3]
    assert table["columns"] == [[2.0, 3.0, None, None], [4.0, 5.0, 6.0, 7.0]]


def test_infinite_values_leave_blanks():
    def draw(ax, value):
        ax.plot([1, 2, 3], [value, np.inf, np.nan])

    (table,) = explorable(draw, [1, 2], name="v", default=1).bundle["tables"]
    assert table["columns"] == [[1.0, None, None], [2.0, None, None]]


def test_an_axis_that_runs_downwards_keeps_running_downwards():
    def draw(ax, value):
        ax.plot([0, value], [0, value])
        ax.set(xlim=(0, value), ylim=(value, 0))
        limits.append(ax)

    limits = []
    explorable(draw, [1, 2], name="v", default=1)
    assert [(ax.get_xlim(), ax.get_ylim()) for ax in limits] == [((0, 2), (2, 0))] * 2


def test_words_are_a_choice():
    def draw(ax, cell):
        ax.plot([1, 2], [len(cell), 1])

    bundle = explorable(draw, ["SimpleRNN", "LSTM"], name="cell", default="LSTM").bundle
    assert (bundle["kind"], bundle["values"], bundle["default"]) == (
        "choice",
        ["SimpleRNN", "LSTM"],
        1,
    )


def test_default_must_be_one_of_the_values():
    with pytest.raises(ValueError, match=r"a default among \[1, 2\], got 3"):
        explorable(decay, [1, 2], name="v", default=3)


@pytest.mark.parametrize("values", [[0.9, 0.5], [0.5, 0.5], ["a", "a"]])
def test_values_must_ascend_or_be_different_words(values):
    with pytest.raises(ValueError, match="expected ascending numbers or different words, got"):
        explorable(decay, values, name="v", default=values[0])


def test_every_value_must_draw_the_same_lines():
    def draw(ax, count):
        for _ in range(count):
            ax.plot([1, 2], [1, 2])

    with pytest.raises(ValueError, match=r"same lines for every value, got \[1, 2\]"):
        explorable(draw, [1, 2], name="v", default=1)
