"""Maps of one quantity over two others."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import ArrayLike

DECADES = 8  # powers of ten below the largest value that have different colours


def gradient_heat_map(ax: Axes, steps: ArrayLike, norms: ArrayLike) -> Axes:
    """Gradient norm against training step and time lag, in bands of equal ratio.

    A dashed line marks where the norm has fallen to 1% of the largest of the same measurement.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    steps : array_like of shape (measurements,)
        Training steps, ascending; at least two.
    norms : array_like of shape (measurements, time)
        Norm of the gradient k steps before the last in column k, such as
        ``callback.record.norms["lstm"]``; at least two time steps. What is eight powers of ten
        below the largest has the lowest colour, and places that are not finite stay empty.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are fewer than two measurements or time steps, the shapes do not agree, a norm is
        negative, or none is positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> norms = 0.5 ** np.outer([1, 0.5, 0.1], np.arange(20))
    >>> ax = gradient_heat_map(Figure().add_subplot(), np.array([0, 100, 200]), norms)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('training step', 'steps back from the last')
    """
    steps, norms = np.asarray(steps), np.ma.masked_invalid(np.asarray(norms, float))
    if norms.ndim != 2 or min(norms.shape) < 2 or steps.shape != norms.shape[:1]:
        raise ValueError(
            "expected at least two measurements of at least two time steps, got "
            f"{steps.size} steps and norms of shape {norms.shape}"
        )
    if np.any(norms < 0):
        raise ValueError(f"expected norms that are not negative, got {norms.min()}")
    logs = np.ma.log10(norms)  # zeros are masked too
    if not logs.count():
        raise ValueError("expected a norm that is positive and finite, got none")
    top = np.ceil(logs.max())
    bottom = max(top - DECADES, min(np.floor(logs.min()), top - 1))
    width = next(w for w in (0.25, 0.5, 1.0) if (top - bottom) / w <= DECADES)
    levels = np.arange(bottom, top + width / 2, width)
    shown = np.ma.array(logs.filled(bottom).clip(bottom), mask=norms.mask)
    lags = np.arange(norms.shape[1])
    filled = ax.contourf(steps, lags, shown.T, levels, cmap="viridis")
    share = (logs - logs.max(axis=1, keepdims=True)).filled(-99).clip(-99)
    ax.contour(steps, lags, np.ma.array(share, mask=norms.mask).T, [-2.0], colors="#f2f2f2",
               linestyles="--", linewidths=1.5)  # fmt: skip
    scale = ax.figure.colorbar(filled, ax=ax, label="norm of dL/dh")
    ticks = levels[:: -max(1, len(levels) // 4)].tolist()
    scale.set_ticks(ticks, labels=[f"$10^{{{tick:g}}}$" for tick in ticks])
    ax.set(xlabel="training step", ylabel="steps back from the last")
    ax.grid(False)
    return ax


def unit_heat_map(
    ax: Axes, values: ArrayLike, *, label: str = "size of dL/dh", log: bool = True
) -> Axes:
    """One quantity by unit and time step, such as a gradient, a state or a gate.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : array_like of shape (batch, time, units)
        For one sample give ``values[i : i + 1]``. Places that are not finite stay empty.
    label : str
        What the colours show.
    log : bool
        Whether to draw the size, as root mean square over the batch, on a scale of eight powers of
        ten, on which zeros have the lowest colour. Otherwise the mean over the batch is drawn on a
        linear scale, with white at 0 if some means are negative.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is another number of axes, or none of the values is finite (and, on the log scale,
        above or below 0).

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = unit_heat_map(Figure().add_subplot(), np.ones((2, 7, 3)))
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.images[0].get_array().shape
    ('time step t', 'unit', (3, 7))
    """
    values = np.asarray(values, float)
    if values.ndim != 3:
        raise ValueError(f"expected values of shape (batch, time, units), got {values.shape}")
    size = np.hypot.reduce(values, axis=0) / np.sqrt(len(values))
    shown = np.ma.masked_invalid(size if log else values.mean(axis=0))
    top = np.ma.abs(shown).max()
    if not (top > 0 or (top == 0 and not log)):
        raise ValueError(f"expected values to draw, got none among {values.size}")
    signed = shown.min() < 0
    scale = (
        LogNorm(top / 10**DECADES, top, clip=True) if log else Normalize(-top if signed else 0, top)
    )
    time, units = shown.shape
    image = ax.imshow(
        shown.T, cmap="RdBu_r" if signed else "viridis", norm=scale, aspect="auto", origin="lower",
        extent=(0.5, time + 0.5, 0.5, units + 0.5), interpolation="nearest",
    )  # fmt: skip
    ax.figure.colorbar(image, ax=ax, label=label)
    ax.set(xlabel="time step t", ylabel="unit")
    ax.grid(False)
    return ax
