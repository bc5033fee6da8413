"""Forecasts and their errors: networks in the colour of their cell, baselines beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrolled.figures.style import COLORS, band, color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = {"GRU": "-", "SimpleRNN": "--", "LSTM": "-."}


def forecast_lines(ax: Axes, x: np.ndarray, curves: dict[str, np.ndarray]) -> Axes:
    """One line for each way to forecast, with a band over seeds where there are several.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; scales and axis labels are the caller's.
    x : ndarray of shape (points,)
        Horizontal places: years, or horizons.
    curves : dict of str to ndarray of shape (points,) or (seeds, points)
        Values under the label of their line. A label that begins with a cell type has its colour
        and dashes; the others, at most four baselines, are told apart by theirs. With seeds the
        line is their median, and the band reaches from the smallest to the largest.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> errors = {"GRU": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]]), "AR": np.ones(2)}
    >>> ax = forecast_lines(Figure().add_subplot(), np.arange(1, 3), errors)
    >>> ax.lines[0].get_ydata(), ax.lines[1].get_linestyle(), len(ax.collections)
    (array([3., 4.]), '-.', 1)
    """
    baselines = iter([(COLORS["other"], "-."), ("gray", ":"), ("gray", "--"), ("gray", "-")])
    for label, values in curves.items():
        cell = next((cell for cell in DASHES if label.startswith(cell)), None)
        color, dashes = (color_of(cell), DASHES[cell]) if cell else next(baselines)
        band(ax, x, values, linestyle=dashes, color=color, label=label)
    return ax
