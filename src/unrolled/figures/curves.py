"""Curves and bars: what was measured, with bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from unrolled.figures.style import COLORS, band, check_entries, color_of, line_styles
from unrolled.flow import Flow
from unrolled.spectra import norms_by_step


def gradient_norms(ax: Axes, flow: Mapping[str, np.ndarray], *, seeds: bool = False) -> Axes:
    """Gradient norm against time on a log scale, one line per entry, a band over seeds.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    flow : Flow or dict of str to ndarray of shape (batch, time, ...units)
        dL/dh_t under the name of a cell type or layer, such as `gradient_flow` returns. The
        Euclidean norm over units is averaged over the batch as a root mean square. The states of
        a Flow are drawn at the steps of their input, also those of layers that read it backwards.
    seeds : bool
        Whether the arrays have an axis of seeds in front: (seeds, batch, time, ...units). The line
        is then the median over seeds and the band reaches from the smallest to the largest.

    Returns
    -------
    matplotlib.axes.Axes
        From 7 entries on the legend stands beside the axes; a figure without a layout engine gets
        the constrained one, which makes room for it.

    Raises
    ------
    TypeError
        If `flow` is no mapping.
    ValueError
        If it or a gradient is empty, or a gradient has too few axes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> halved = 0.5 ** np.arange(9, -1, -1).reshape(1, 10, 1)
    >>> ax = gradient_norms(Figure().add_subplot(), {"SimpleRNN": halved})
    >>> ax.get_yscale(), float(ax.lines[0].get_ydata()[0])
    ('log', 0.001953125)
    >>> ax.lines[0].get_color() == COLORS["SimpleRNN"]
    True
    """
    check_entries(flow)
    backward = flow.backward if isinstance(flow, Flow) else ()
    shown = flow.by_input() if isinstance(flow, Flow) else flow
    for style, (name, gradients) in zip(line_styles(), shown.items(), strict=False):
        if not np.size(gradients):
            raise ValueError(f"expected {name!r} with no empty axis, got {np.shape(gradients)}")
        _add_line(ax, norms_by_step(gradients, time_axis=1 + seeds), name, style)
    ax.set_yscale("log", nonpositive="mask")
    ax.set(
        xlabel="time step t of the input" if backward else "time step t",
        ylabel="norm of dL/dh at step t",
    )
    _add_legend(ax)
    return ax


def _add_line(ax: Axes, norms: np.ndarray, name: str, style: str) -> None:
    """Markers tell lines of one colour and dash apart, and show a single step."""
    steps = np.arange(1, norms.shape[-1] + 1)
    color, markers = color_of(name), " osD^v"
    if len(steps) == 1:
        style, markers = "None", markers[1:]
    looks = [f"{line.get_color()} {line.get_linestyle()}" for line in ax.lines]
    marker = markers[looks.count(f"{color} {style}") % len(markers)]
    # Matplotlib hides a label that begins with "_" and typesets what stands between dollars.
    text = fill(name, 40, replace_whitespace=False).replace("$", r"\$")
    label = f" {text}" if text.startswith("_") else text
    line = {"linestyle": style, "marker": marker, "markevery": 1 + len(steps) // 8}
    band(ax, steps, norms, color=color, label=label, **line)


def _add_legend(ax: Axes) -> None:
    """Beside the axes where it would hide the lines; in columns where it would be too high."""
    labels, figure = ax.get_legend_handles_labels()[1], ax.get_figure(root=True)
    if len(labels) < 7:
        ax.legend()
        return
    columns = 1 + "\n".join(labels).count("\n") // 16
    look = {"fontsize": "small", "handlelength": 2.5, "ncols": columns}
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), **look)
    if figure and figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")


def singular_values(ax: Axes, logs: np.ndarray) -> Axes:
    """Singular values of the product of Jacobians against the number of its factors, log scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    logs : ndarray of shape (time, units)
        Their natural logarithms in descending order, in row k - 1 those of ds_T/ds_{T-k}, from
        `log_singular_values` with the transposed Jacobians in reverse order. The axis ends six
        powers of ten below the smallest value of the largest one.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> logs = -np.outer([1, 2, 3], [0.1, 1.0, 2.0])
    >>> ax = singular_values(Figure().add_subplot(), logs)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['the largest', 'the others']
    """
    lags, values = np.arange(1, len(logs) + 1), np.exp(logs)
    others = ax.plot(lags, values[:, 1:], color="gray", linewidth=0.8)
    if others:
        others[0].set_label("the others")
    (largest,) = ax.plot(lags, values[:, 0], color=COLORS["other"], label="the largest")
    ax.set_yscale("log", nonpositive="mask")
    ax.set_ylim(bottom=values[:, 0].min() / 1e6)
    ax.set(xlabel="steps back k", ylabel=r"singular values of $ds_T/ds_{T-k}$")
    ax.legend(handles=[largest, *others[:1]])
    return ax


def growth_rates(
    ax: Axes, gains: ArrayLike, theory: ArrayLike, measured: Mapping[str, np.ndarray]
) -> Axes:
    """Log growth of the gradient per step against gain: theory's line through measurements.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    gains : array_like of shape (gains,)
        Gains of the recurrent weights.
    theory : array_like of shape (gains,)
        Predicted log growth per step.
    measured : dict of str to ndarray of shape (seeds, gains)
        Measured log growth per step for one or two kinds of simple network; a marker stands at the
        median over seeds, a bar reaches from the smallest to the largest.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are none or more than two.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> gains, rates = np.array([0.5, 1.0]), np.array([[-0.7, 0.0], [-0.6, 0.1]])
    >>> ax = growth_rates(Figure().add_subplot(), gains, np.log(gains), {"8 units": rates})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['theory', '8 units']
    """
    check_entries(measured, most=2)
    gains = np.asarray(gains)
    ax.axhline(0, color="gray", linewidth=0.8)
    ax.plot(gains, theory, color="gray", label="theory")
    colors = COLORS["SimpleRNN"], COLORS["other"]
    for i, (marker, color, (name, rates)) in enumerate(
        zip("os", colors, measured.items(), strict=False)
    ):
        middle = np.median(rates, axis=0)
        reach = np.abs(np.quantile(rates, [0, 1], axis=0) - middle)
        # The second set stands a little to the right, so that no bar hides another.
        ax.errorbar(gains + 0.025 * i, middle, reach, fmt=marker, color=color, label=name)
    ax.set(xlabel="gain", ylabel="log growth per step")
    ax.legend()
    return ax


def weight_gradient_bars(ax: Axes, norms: Mapping[str, Mapping[str, np.ndarray]]) -> Axes:
    """Norm of the gradient for each weight tensor, as grouped bars.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    norms : dict of str to dict of str to ndarray of shape (seeds,)
        For each model, the norms under the names of its weight tensors; the same names for each
        model, in any order. A bar ends at the median over seeds, a whisker reaches from the
        smallest to the largest.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no model, the names differ, or the norms have another number of axes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> norms = {"LSTM": {"kernel": np.array([1.0, 3.0, 2.0])}}
    >>> ax = weight_gradient_bars(Figure().add_subplot(), norms)
    >>> float(ax.patches[0].get_height())
    2.0
    """
    check_entries(norms)
    width = 0.8 / len(norms)
    names = list(next(iter(norms.values())))
    for i, (model, tensors) in enumerate(norms.items()):
        if set(tensors) != set(names):
            raise ValueError(f"expected {names} of {model!r}, got {list(tensors)}")
        values = np.array([tensors[name] for name in names])  # (tensors, seeds)
        if values.ndim != 2:
            raise ValueError(
                f"expected norms of shape (seeds,) for each tensor of {model!r}, "
                f"got {values.shape[1:]} for {len(names)} tensors"
            )
        middle = np.median(values, axis=1)
        reach = np.abs(np.quantile(values, [0, 1], axis=1) - middle)
        places = np.arange(len(middle)) + (i - (len(norms) - 1) / 2) * width
        ax.bar(places, middle, 0.9 * width, yerr=reach, color=color_of(model), label=model)
    ax.set_xticks(range(len(names)), names)
    ax.set(xlabel="weight tensor", ylabel="norm of its gradient")
    ax.legend()
    return ax


def state_distances(
    ax: Axes,
    steps: np.ndarray,
    distances: Mapping[str, np.ndarray],
    *,
    label_at: Sequence[tuple[float, float]],
    **line: Any,
) -> Axes:
    """Distance of two state trajectories against time on a log scale, a band over seeds.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    steps : ndarray of shape (steps,)
        The time steps shown.
    distances : dict of str to ndarray of shape (seeds, steps)
        Distances under the label of their line. The line is the median over seeds, the band
        reaches from the smallest to the largest.
    label_at : sequence of (float, float)
        For each line, the step and the distance at which its label starts.
    **line
        Passed to `Axes.semilogy` for every line; blue and solid by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is not one place in `label_at` for each line.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> steps, apart = np.arange(1, 11), 0.5 ** np.arange(1, 11)
    >>> ax = state_distances(Figure().add_subplot(), steps, {"gain 0.5": apart[None]},
    ...                      label_at=[(5, 0.1)])
    >>> ax.texts[0].get_text(), ax.texts[0].get_position()
    ('gain 0.5', (5, 0.1))
    """
    if len(label_at) != len(distances):
        raise ValueError(f"expected {len(distances)} places in label_at, got {len(label_at)}")
    line = {"color": COLORS["SimpleRNN"]} | normalize_kwargs(line, Line2D)
    for place, (label, values) in zip(label_at, distances.items(), strict=True):
        band(ax, steps, values, **line)
        ax.text(*place, label)
    ax.set(yscale="log", xlabel="time step t", ylabel="distance per unit")
    return ax


def learning_curves(
    ax: Axes,
    updates: np.ndarray,
    curves: Mapping[str, np.ndarray],
    levels: Mapping[str, float],
    *,
    color: str | None = None,
) -> Axes:
    """What a model scores against the number of updates, a band over seeds, with fixed levels.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    updates : ndarray of shape (points,)
        Number of updates before each measurement.
    curves : dict of str to ndarray of shape (seeds, points)
        Measurements under the name of a cell type or another label. The line is the median over
        seeds, the band reaches from the smallest to the largest.
    levels : dict of str to float
        Values to compare with, each a dotted line with its label below its right end.
    color : str, optional
        One colour for all curves; by default each has that of its cell type.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> halved = 0.5 ** np.arange(3.0)
    >>> ax = learning_curves(Figure().add_subplot(), np.arange(3), {"SimpleRNN": halved[None]},
    ...                      {"guessing": 1.5})
    >>> ax.texts[0].get_text(), ax.lines[1].get_ydata().tolist()
    ('guessing', [1.0, 0.5, 0.25])
    """
    for label, level in levels.items():
        ax.axhline(level, color="gray", linestyle=":", linewidth=1.2)
        units = ("axes fraction", "data"), "offset points"
        ax.annotate(label, (1, level), (0, -2), *units, ha="right", va="top")
    for style, (name, values) in zip(line_styles(), curves.items(), strict=False):
        band(ax, updates, values, linestyle=style, color=color or color_of(name), label=name)
    ax.set(xlabel="updates")
    return ax


def bands(ax: Axes, x: np.ndarray, curves: Mapping[str, np.ndarray]) -> Axes:
    """Draw one quantity under several conditions, each line with a band over seeds.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; scales and axis labels are the caller's.
    x : ndarray of shape (points,)
        Horizontal places, the same for all lines.
    curves : dict of str to ndarray of shape (seeds, points)
        Values under the label of their line, at most three. The line is the median over seeds,
        the band reaches from the smallest to the largest. Dashes tell the lines apart, and
        colours other than those of LSTM and GRU.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are none or more than three.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = bands(Figure().add_subplot(), np.arange(3), {"k = 1": np.arange(6).reshape(2, 3)})
    >>> ax.lines[0].get_ydata()
    array([1.5, 2.5, 3.5])
    """
    check_entries(curves, most=3)
    colors = COLORS["SimpleRNN"], COLORS["other"], "gray"
    for style, color, (label, values) in zip(line_styles(), colors, curves.items(), strict=False):
        band(ax, x, values, linestyle=style, color=color, label=label)
    ax.legend()
    return ax
