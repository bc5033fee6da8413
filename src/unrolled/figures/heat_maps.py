"""Maps of one quantity over two others. Computes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np


def gradient_heat_map(
    ax: Any, steps: np.ndarray, norms: np.ndarray, *, decades: int = 8, colorbar: bool = True
) -> Any:
    """Gradient norm against training step and time lag, in bands of equal ratio.

    A dashed line marks where the norm has fallen to 1 % of the largest of the same measurement.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    steps : ndarray of shape (measurements,)
        Training steps, ascending; at least two.
    norms : ndarray of shape (measurements, time)
        Norm of the gradient k steps before the last in column k, such as
        ``callback.record.norms["lstm"]``; at least two time steps. Places that are not finite
        stay empty.
    decades : int
        How many powers of ten below the largest norm are told apart.
    colorbar : bool
        Whether to draw the scale beside the map.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are fewer than two measurements or time steps, the shapes do not agree, or no
        norm is positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> norms = 0.5 ** np.outer([1, 0.5, 0.1], np.arange(20))
    >>> ax = gradient_heat_map(Figure().add_subplot(), np.array([0, 100, 200]), norms)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('training step', 'steps back from the last')
    """
    norms = np.asarray(norms, float)
    if norms.ndim != 2 or min(norms.shape) < 2 or len(steps) != len(norms):
        raise ValueError(
            "expected at least two measurements of at least two time steps, got "
            f"{len(steps)} steps and norms of shape {norms.shape}"
        )
    seen = np.isfinite(norms) & (norms > 0)
    if not seen.any():
        raise ValueError("expected a norm that is positive and finite, got none")
    logs = np.log10(norms, where=seen, out=np.full(norms.shape, -np.inf))
    top = np.ceil(logs[seen].max())
    bottom = max(top - decades, min(np.floor(logs[seen].min()), top - 1))
    width = next(w for w in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, np.inf) if (top - bottom) / w <= 8)
    levels = np.arange(top - width * np.ceil((top - bottom) / width), top + width / 2, width)
    shown = np.ma.masked_invalid(np.where(norms == 0, bottom, np.maximum(logs, bottom)))
    lags = np.arange(norms.shape[1])
    filled = ax.contourf(steps, lags, shown.T, levels, cmap="viridis")
    share = np.ma.masked_invalid(logs - logs.max(axis=1, keepdims=True))
    ax.contour(steps, lags, share.filled(-np.inf).clip(-99).T, [-2.0], colors="#f2f2f2",
               linestyles="--", linewidths=1.5)  # fmt: skip
    if colorbar:
        scale = ax.figure.colorbar(filled, ax=ax, label="norm of dL/dh")
        ticks = levels[:: -max(1, len(levels) // 4)]
        scale.set_ticks(ticks, labels=[f"$10^{{{tick:g}}}$" for tick in ticks])
    ax.set(xlabel="training step", ylabel="steps back from the last")
    ax.grid(False)
    return ax
