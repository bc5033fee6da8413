"""Maps of one quantity over two others. Computes nothing."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


def gradient_heat_map(
    ax: Axes, steps: ArrayLike, norms: ArrayLike, *, decades: int = 8, colorbar: bool = True
) -> Axes:
    """Gradient norm against training step and time lag, in bands of equal ratio.

    A dashed line marks where the norm has fallen to 1 % of the largest of the same measurement.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    steps : array_like of shape (measurements,)
        Training steps, ascending; at least two.
    norms : array_like of shape (measurements, time)
        Norm of the gradient k steps before the last in column k, such as
        ``callback.record.norms["lstm"]``; at least two time steps. Zeros have the lowest colour,
        places that are not finite stay empty.
    decades : int
        How many powers of ten below the largest norm are told apart, at least 1.
    colorbar : bool
        Whether to draw the scale beside the map.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are fewer than two measurements or time steps, the shapes do not agree, a norm is
        negative, none is positive and finite, or `decades` is below 1.

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
    if not decades >= 1:
        raise ValueError(f"expected decades of at least 1, got {decades}")
    if np.any(norms < 0):
        raise ValueError(f"expected norms that are not negative, got {norms.min()}")
    logs = np.ma.log10(norms)  # zeros are masked too
    if not logs.count():
        raise ValueError("expected a norm that is positive and finite, got none")
    top = np.ceil(logs.max())
    bottom = max(top - decades, min(np.floor(logs.min()), top - 1))
    width = next(w for w in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, np.inf) if (top - bottom) / w <= 8)
    levels = np.arange(top - width * np.ceil((top - bottom) / width), top + width / 2, width)
    shown = np.ma.array(logs.filled(bottom).clip(bottom), mask=norms.mask)
    lags = np.arange(norms.shape[1])
    filled = ax.contourf(steps, lags, shown.T, levels, cmap="viridis")
    share = (logs - logs.max(axis=1, keepdims=True)).filled(-99).clip(-99)
    ax.contour(steps, lags, np.ma.array(share, mask=norms.mask).T, [-2.0], colors="#f2f2f2",
               linestyles="--", linewidths=1.5)  # fmt: skip
    if colorbar:
        scale = ax.figure.colorbar(filled, ax=ax, label="norm of dL/dh")
        ticks = levels[:: -max(1, len(levels) // 4)].tolist()
        scale.set_ticks(ticks, labels=[f"$10^{{{tick:g}}}$" for tick in ticks])
    ax.set(xlabel="training step", ylabel="steps back from the last")
    ax.grid(False)
    return ax
