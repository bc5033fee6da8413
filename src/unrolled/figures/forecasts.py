"""Forecasts and their errors: networks in the colour of their cell, baselines beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from unrolled.figures.style import COLORS, band, color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = {COLORS["GRU"]: "-", COLORS["SimpleRNN"]: "--", COLORS["LSTM"]: "-."}
BASELINES = (COLORS["other"], "-."), ("gray", ":"), ("gray", "--"), ("gray", "-")


def forecast_lines(ax: Axes, x: np.ndarray, curves: Mapping[str, np.ndarray]) -> Axes:
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

    Raises
    ------
    ValueError
        If there are more than four baselines.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> errors = {"GRU": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]]), "AR": np.ones(2)}
    >>> ax = forecast_lines(Figure().add_subplot(), np.arange(1, 3), errors)
    >>> ax.lines[0].get_ydata(), ax.lines[1].get_linestyle(), len(ax.collections)
    (array([3., 4.]), '-.', 1)
    """
    others = [label for label in curves if color_of(label) not in DASHES]
    if len(others) > len(BASELINES):
        raise ValueError(f"expected at most {len(BASELINES)} baselines, got {len(others)}")
    looks = dict(zip(others, BASELINES, strict=False))
    for label, values in curves.items():
        color, dashes = looks.get(label) or (color_of(label), DASHES[color_of(label)])
        band(ax, x, values, linestyle=dashes, color=color, label=label)
    return ax
