"""Drawings of networks, with the numbers in them. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from unrolled.figures.style import COLORS, arrow, box

STRIDE = 1.4  #: from one state of a chain to the next


def unrolled_network(
    ax: Axes,
    steps: int,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Axes:
    """Draw a recurrent network unrolled: one copy of the cell for each step, weights shared.

    Time runs from left to right. Each copy takes its input from below, through `W_xh`, and the
    old state from the left, through `W_hh`. Its new state goes up, through `W_hy`, to the output
    of the step, and to the right as the old state of the next one.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    steps : int
        Number of copies, at least 1. About four stay legible on a phone.
    inputs, outputs : sequence of str, optional
        One label for each step, below and above its cell; by default x_1, x_2, ... and y_1,
        y_2, ...

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If `steps` is less than 1, or there is not one label for each step.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = unrolled_network(Figure().add_subplot(), 4)
    >>> [text.get_text() for text in ax.texts].count("tanh")
    4
    """
    numbers = range(1, steps + 1)
    inputs = [f"$x_{{{t}}}$" for t in numbers] if inputs is None else inputs
    outputs = [f"$y_{{{t}}}$" for t in numbers] if outputs is None else outputs
    if not 1 <= steps == len(inputs) == len(outputs):
        raise ValueError(
            f"expected at least one step and one label for each, got steps={steps}, "
            f"{len(inputs)} inputs and {len(outputs)} outputs"
        )
    blue, purple = COLORS["SimpleRNN"], COLORS["other"]
    arrow(ax, (0.2, 0), (0.7, 0), blue, above="$h_{0}$", below="$W_{hh}$")
    for t, x_t, output in zip(numbers, inputs, outputs, strict=True):
        box(ax, t, 0, "tanh", blue, size="large")
        ax.text(t, -1.03, x_t, ha="center", va="center", size="x-large")
        ax.text(t, 1.03, output, ha="center", va="center", size="x-large")
        arrow(ax, (t, -0.85), (t, -0.3), purple)
        ax.text(t + 0.06, -0.6, "$W_{xh}$", va="center", size="large")
        ax.text(t + 0.06, 0.55, "$W_{hy}$", va="center", size="large")
        arrow(ax, (t, 0.3), (t, 0.85), blue)
        below = "$W_{hh}$" if t < steps else ""
        arrow(ax, (t + 0.3, 0), (t + 0.7, 0), blue, above=f"$h_{{{t}}}$", below=below)
    ax.set(xlim=(0.15, steps + 0.75), ylim=(-1.2, 1.2), aspect="equal")
    ax.set_axis_off()
    return ax


def paths_to_loss(ax: Axes, steps: int, *, used: int, read: int) -> Axes:
    """Draw what depends on what between shared weights and a loss, with one path picked out.

    Time runs from left to right. The weights `W` lie below all states and the loss `L` above them:
    each state depends on the weights and on the state before it, and the loss on each state. The
    arrows of the chosen path carry the derivatives whose product it contributes to dL/dW.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    steps : int
        Number of states. About four stay legible on a phone.
    used, read : int
        The steps at which the path leaves the weights and enters the loss, counted from 1.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If not 1 <= used <= read <= steps.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = paths_to_loss(Figure().add_subplot(), 3, used=2, read=2)
    >>> sum("partial" in text.get_text() for text in ax.texts)
    2
    """
    if not 1 <= used <= read <= steps:
        raise ValueError(
            f"expected 1 <= used <= read <= steps, got used={used}, read={read}, steps={steps}"
        )
    for height, label in ((-1.2, "$W$"), (1.2, "$L$")):
        _bar(ax, STRIDE * (steps - 1), height, label, COLORS["other"])
    for t in range(1, steps + 1):
        x = STRIDE * (t - 1)
        box(ax, x, 0, f"$h_{{{t}}}$", COLORS["SimpleRNN"], half=0.14, size="large")
        _edge(ax, (x, -0.92), (x, -0.28), t == used, f"h_{{{t}}}", "W")
        _edge(ax, (x, 0.28), (x, 0.92), t == read, "L", f"h_{{{t}}}")
        if t < steps:
            ends = (x + 0.28, 0), (x + STRIDE - 0.28, 0)
            _edge(ax, *ends, used <= t < read, f"h_{{{t + 1}}}", f"h_{{{t}}}")
    ax.set(xlim=(-0.3, STRIDE * (steps - 1) + 0.85), ylim=(-1.5, 1.5), aspect="equal")
    ax.set_axis_off()
    return ax


def backward_chain(ax: Axes, totals: Sequence[float], shares: Sequence[float]) -> Axes:
    """Draw the way back from a loss through a chain of states, with the numbers on the arrows.

    Time runs from left to right and the gradient from right to left. Below all states lies the
    one weight that they share, and receives each step's share of its gradient.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    totals : sequence of float
        Total derivatives dL/dh_t for t = 1..T. About four steps stay legible on a phone.
    shares : sequence of float
        What each step adds to dL/dw, of the same length.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = backward_chain(Figure().add_subplot(), [0.25, 0.5], [0.0, -0.125])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['$w$', '$h_{1}$', '0.250', '0.000', '$h_{2}$', '0.500', '−0.125', '$L$']
    """
    if len(totals) != len(shares):
        raise ValueError(f"expected {len(totals)} shares, one for each total, got {len(shares)}")
    blue, purple = COLORS["SimpleRNN"], COLORS["other"]
    end = STRIDE * len(totals)
    _bar(ax, end - STRIDE, -1, "$w$", purple)
    for t, (total, share) in enumerate(zip(totals, shares, strict=True), start=1):
        x = STRIDE * (t - 1)
        box(ax, x, 0, f"$h_{{{t}}}$", blue, half=0.14, size="large")
        arrow(ax, (x + STRIDE - 0.28, 0), (x + 0.28, 0), blue, above=_signed(total))
        arrow(ax, (x, -0.28), (x, -0.72), purple)
        ax.text(x + 0.07, -0.5, _signed(share), va="center")
    ax.text(end, 0, "$L$", ha="center", va="center", size="large")
    ax.set(xlim=(-0.3, end + 0.2), ylim=(-1.3, 0.45), aspect="equal")
    ax.set_axis_off()
    return ax


def weighted_steps(
    ax: Axes,
    inputs: Sequence[str],
    states: np.ndarray,
    scores: np.ndarray,
    targets: Sequence[str],
    classes: Sequence[str],
    weights: Sequence[int],
    sums: tuple[np.ndarray, np.ndarray],
) -> Axes:
    """States and scores of every step in boxes, a weight for each step, and the weighted sums.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    inputs, targets : sequence of str
        What is read at each step and what should come next.
    classes : sequence of str
        What the scores of a step are the scores of, from the top.
    states : ndarray of shape (steps, units)
        Hidden states.
    scores : ndarray of shape (steps, classes)
        Scores of the next character.
    weights : sequence of int
        What each step is multiplied by.
    sums : pair of ndarray, of shapes (units,) and (classes,)
        The weighted sums of states and scores.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is not one input, target, weight, state and row of scores for each step.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = weighted_steps(Figure().add_subplot(), "he", np.ones((2, 1)), np.eye(2), "el",
    ...                     "he", [1, -1], (np.zeros(1), np.array([1.0, -1.0])))
    >>> [text.get_text() for text in ax.texts][-4:-2]
    ['sum', '0.0']
    """
    counts = [len(part) for part in (inputs, targets, weights, states, scores)]
    if len(set(counts)) > 1:
        raise ValueError(
            "expected one input, target, weight, state and row of scores for each step, "
            f"got {counts}"
        )
    units = states.shape[1]
    rows = {"times": -1.5, "input": 0, "state": 1.2, "scores": 1.9 + units}
    rows["target"] = rows["scores"] + len(classes) + 0.5
    for label, row in rows.items():
        height = {"state": (units - 1) / 2, "scores": (len(classes) - 1) / 2}.get(label, 0)
        ax.text(-0.9, row + height, label, ha="right", va="center")
    for row, label in enumerate(reversed(classes)):
        ax.text(-0.55, rows["scores"] + row, label, ha="center", va="center")
    for t, (character, target, weight) in enumerate(zip(inputs, targets, weights, strict=True)):
        ax.text(t, rows["input"], character, ha="center", va="center", weight="bold")
        ax.text(t, rows["target"], target, ha="center", va="center", weight="bold")
        ax.text(t, rows["times"], f"{weight:d}".replace("-", "−"), ha="center", va="center")
        _number_box(ax, t, rows["state"], states[t], COLORS["SimpleRNN"])
        _number_box(ax, t, rows["scores"], scores[t], COLORS["other"])
    total = len(weights) + 0.35
    ax.axvline(total - 0.68, color="gray", linewidth=0.8)
    ax.text(total, rows["times"], "sum", ha="center", va="center")
    _number_box(ax, total, rows["state"], sums[0], "gray", weight="bold")
    _number_box(ax, total, rows["scores"], sums[1], "gray", weight="bold")
    ax.set(xlim=(-1.75, total + 0.5), ylim=(-2, rows["target"] + 0.5))
    ax.set_axis_off()
    return ax


def probability_grid(
    ax: Axes, probabilities: np.ndarray, columns: Sequence[str], rows: Sequence[str]
) -> Axes:
    """Distributions side by side: a square for each probability, filled in proportion to it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    probabilities : ndarray of shape (columns, rows)
        One distribution for each column.
    columns, rows : sequence of str
        Labels of the distributions and of their classes; the first class stands on top.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is not one probability for each column and row.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = probability_grid(Figure().add_subplot(), np.array([[0.9, 0.1]]), ["h"], ["e", "l"])
    >>> [text.get_text() for text in ax.texts]
    ['0.90', '0.10']
    """
    if np.shape(probabilities) != (len(columns), len(rows)):
        raise ValueError(
            f"expected probabilities of shape (columns, rows), that is {len(columns), len(rows)}, "
            f"got {np.shape(probabilities)}"
        )
    for column, distribution in enumerate(probabilities):
        for row, p in enumerate(distribution):
            square = (column - 0.46, row - 0.46), 0.92, 0.92
            ax.add_patch(Rectangle(*square, color=COLORS["SimpleRNN"], alpha=0.6 * p, linewidth=0))
            ax.text(column, row, f"{p:.2f}", ha="center", va="center")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    ax.grid(False)
    return ax


def _bar(ax: Axes, right: float, y: float, label: str, color: str) -> None:
    """A wide box from 0 to `right`, as high as the boxes of a chain."""
    look: dict[str, Any] = {"edgecolor": color, "facecolor": color + "26", "linewidth": 1.8}
    corner, height = (-0.14, y - 0.14), 0.28
    ax.add_patch(FancyBboxPatch(corner, right + 0.28, height, boxstyle="round,pad=0.08", **look))
    ax.text(right / 2, y, label, ha="center", va="center", size="large")


def _edge(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], chosen: bool, of: str, to: str
) -> None:
    """An arrow; one of the chosen path carries the derivative of `of` with respect to `to`."""
    arrow(ax, start, end, COLORS["other"] if chosen else "gray")
    if not chosen:
        return
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    label = rf"$\partial {of}/\partial {to}$"
    if start[0] == end[0]:
        ax.text(x + 0.08, y, label, va="center")
    else:
        ax.text(x, y + 0.1, label, ha="center", va="bottom")


def _number_box(
    ax: Axes, x: float, bottom: float, numbers: np.ndarray, color: str, **font: Any
) -> None:
    """A column of numbers in a box, the first on top."""
    style: dict[str, Any] = {"boxstyle": "round,pad=0.08", "edgecolor": color, "facecolor": "none"}
    ax.add_patch(FancyBboxPatch((x - 0.3, bottom - 0.45), 0.6, len(numbers) - 0.1, **style))
    for row, number in enumerate(reversed(numbers)):
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        text = f"{round(float(number), 1) + 0.0:.1f}".replace("-", "−")
        ax.text(x, bottom + row, text, ha="center", va="center", **font)


def _signed(value: float) -> str:
    """Three decimals, or a power of ten for what they cannot show; minus is as wide as plus."""
    text = f"{value:.0e}" if 0 < abs(value) < 0.0005 else f"{value:z.3f}"
    return text.replace("-", "\N{MINUS SIGN}")
