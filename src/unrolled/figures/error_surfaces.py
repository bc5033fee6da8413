"""Error surfaces over two weights, and the ways down them. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.lines import Line2D

from unrolled.figures.style import COLORS


def error_surface(
    ax: Axes, x: np.ndarray, y: np.ndarray, loss: np.ndarray, levels: Sequence[float]
) -> Axes:
    """Draw a loss over two weights as contour lines; the higher, the stronger the shade between.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; the caller names its axes.
    x : ndarray of shape (columns,)
        Values of the weight on the horizontal axis. About 150 of each keep the drawing small.
    y : ndarray of shape (rows,)
        Values of the weight on the vertical axis.
    loss : ndarray of shape (rows, columns)
        The loss at each pair. Places where it is not finite stay empty.
    levels : sequence of float
        Where to draw contour lines, in ascending order.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If no loss is finite.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> x = np.linspace(-1, 1, 11)
    >>> ax = error_surface(Figure().add_subplot(), x, x, x**2 + x[:, None] ** 2, [0.5, 1.0])
    >>> ax.collections[1].levels.tolist()  # the lines; the shades between them are [0]
    [0.5, 1.0]
    """
    loss = np.ma.masked_invalid(loss)
    if not loss.count():
        raise ValueError("expected a loss that is finite somewhere, got none")
    bounds = [min(loss.min(), levels[0]) - 1, *levels, max(loss.max(), levels[-1]) + 1]
    shades = [(0.5, 0.5, 0.5, 0.6 * step**2) for step in np.linspace(0, 1, len(levels) + 1)]
    ax.contourf(x, y, loss, bounds, colors=shades)
    ax.contour(x, y, loss, levels, colors="gray", linewidths=0.6)
    ax.grid(False)
    return ax


def descent_path(ax: Axes, path: np.ndarray, *, label: str, clipped: bool, **line: Any) -> Axes:
    """Draw the way of gradient descent over an error surface, with a mark after every update.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw. What leaves the limits of its axes is cut off.
    path : ndarray of shape (updates + 1, 2)
        The two weights before the first update and after each.
    label : str
        What the legend says.
    clipped : bool
        Whether the gradients were clipped: a solid line with dots, else dashes with squares.
    **line
        Passed to `Axes.plot`.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> halved = 0.5 ** np.arange(4)[:, None] * np.ones(2)
    >>> ax = descent_path(Figure().add_subplot(), halved, label="descent", clipped=False)
    >>> ax.lines[0].get_linestyle(), ax.lines[0].get_xydata()[-1].tolist()
    ('--', [0.125, 0.125])
    """
    style, marker, cell = ("-", "o", "SimpleRNN") if clipped else ("--", "s", "other")
    look: dict[str, Any] = {"linestyle": style, "marker": marker, "color": COLORS[cell]}
    look |= {"linewidth": 1.5, "markersize": 3.5} | normalize_kwargs(line, Line2D)
    ax.plot(*np.transpose(path), label=label, **look)
    return ax
