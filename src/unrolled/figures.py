"""Draw what the library computed. Every function takes an Axes and returns it; none computes."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

from unrolled.spectra import norms_by_step

#: One colour for each cell type on every page: told apart by colour-blind readers, and at least
#: 3:1 in contrast with a white and with a dark page.
COLORS = {"SimpleRNN": "#1065e9", "LSTM": "#d76917", "GRU": "#14a762", "other": "#bb63bd"}


def gradient_norms(ax, flow):
    """Gradient norm against time on a log scale, one line per entry, a band over seeds.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    flow : dict of str to ndarray of shape (batch, time, units) or (seeds, batch, time, units)
        dL/dh_t under the name of a cell type or layer, such as `gradient_flow` returns. The
        Euclidean norm over units is averaged over the batch as a root mean square. With seeds
        the line is their median and the band reaches from their smallest to their largest.

    Returns
    -------
    matplotlib.axes.Axes

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
    for style, (name, gradients) in zip(_line_styles(), flow.items(), strict=False):
        norms = norms_by_step(gradients)
        norms = norms.reshape(-1, norms.shape[-1])  # (seeds, time)
        steps = np.arange(1, norms.shape[-1] + 1)
        color = _color(name)
        ax.semilogy(steps, np.median(norms, axis=0), style, color=color, label=name)
        if len(norms) > 1:
            low, high = norms.min(axis=0), norms.max(axis=0)
            ax.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
    ax.set(xlabel="time step t", ylabel="norm of dL/dh at step t")
    ax.legend()
    return ax


def growth_rates(ax, gains, theory, measured):
    """Log growth of the gradient per step against gain: theory's line through measurements.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    gains : ndarray of shape (gains,)
        Gains of the recurrent weights.
    theory : ndarray of shape (gains,)
        Predicted log growth per step.
    measured : dict of str to ndarray of shape (seeds, gains)
        Measured log growth per step for one or two kinds of simple network; a marker stands at the
        median over seeds, a bar reaches from the smallest to the largest.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> gains, rates = np.array([0.5, 1.0]), np.array([[-0.7, 0.0], [-0.6, 0.1]])
    >>> ax = growth_rates(Figure().add_subplot(), gains, np.log(gains), {"8 units": rates})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['theory', '8 units']
    """
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


def weight_gradient_bars(ax, norms):
    """Norm of the gradient for each weight tensor, as grouped bars.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    norms : dict of str to dict of str to ndarray of shape (seeds,)
        For each model, the norms under the names of its weight tensors; the same names for each
        model. A bar ends at the median over seeds, a whisker reaches from the smallest to the
        largest.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> norms = {"LSTM": {"kernel": np.array([1.0, 3.0, 2.0])}}
    >>> ax = weight_gradient_bars(Figure().add_subplot(), norms)
    >>> float(ax.patches[0].get_height())
    2.0
    """
    width = 0.8 / len(norms)
    for i, (model, tensors) in enumerate(norms.items()):
        values = np.array(list(tensors.values()))  # (tensors, seeds)
        middle = np.median(values, axis=1)
        reach = np.abs(np.quantile(values, [0, 1], axis=1) - middle)
        places = np.arange(len(middle)) + (i - (len(norms) - 1) / 2) * width
        ax.bar(places, middle, 0.9 * width, yerr=reach, color=_color(model), label=model)
    ax.set_xticks(range(len(tensors)), list(tensors))
    ax.set(xlabel="weight tensor", ylabel="norm of its gradient")
    ax.legend()
    return ax


def unrolled_network(ax, steps, *, inputs=None, outputs=None):
    """Draw a recurrent network unrolled: one copy of the cell for each step, weights shared.

    Time runs from left to right. Each copy takes its input from below, through `W_xh`, and the
    old state from the left, through `W_hh`. Its new state leaves upwards as the output of the
    step, and to the right as the old state of the next one.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    steps : int
        Number of copies, at least 1. About four stay legible on a phone.
    inputs, outputs : sequence of str, optional
        One label for each step, below and above its cell; by default x_1, x_2, ... and O_1,
        O_2, ...

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
    outputs = [f"$O_{{{t}}}$" for t in numbers] if outputs is None else outputs
    if not 1 <= steps == len(inputs) == len(outputs):
        raise ValueError(
            f"expected at least one step and one label for each, got steps={steps}, "
            f"{len(inputs)} inputs and {len(outputs)} outputs"
        )
    blue, purple = COLORS["SimpleRNN"], COLORS["other"]
    box = {"boxstyle": "round,pad=0.08", "edgecolor": blue, "facecolor": blue + "26"}
    _arrow(ax, (0.2, 0), (0.7, 0), blue, above="$h_{0}$", below="$W_{hh}$")
    for t, x_t, output in zip(numbers, inputs, outputs, strict=True):
        ax.add_patch(FancyBboxPatch((t - 0.2, -0.2), 0.4, 0.4, linewidth=1.8, **box))
        ax.text(t, 0, "tanh", ha="center", va="center", size="large")
        ax.text(t, -1.03, x_t, ha="center", va="center", size="x-large")
        ax.text(t, 1.03, output, ha="center", va="center", size="x-large")
        _arrow(ax, (t, -0.85), (t, -0.3), purple)
        ax.text(t + 0.06, -0.6, "$W_{xh}$", va="center", size="large")
        _arrow(ax, (t, 0.3), (t, 0.85), blue)
        below = "$W_{hh}$" if t < steps else ""
        _arrow(ax, (t + 0.3, 0), (t + 0.7, 0), blue, above=f"$h_{{{t}}}$", below=below)
    ax.set(xlim=(0.15, steps + 0.75), ylim=(-1.2, 1.2), aspect="equal")
    ax.set_axis_off()
    return ax


def state_distances(ax, steps, distances, *, label_at, **line):
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
    line = {"color": COLORS["SimpleRNN"]} | line
    for place, (label, values) in zip(label_at, distances.items(), strict=True):
        low, middle, high = np.quantile(values, [0, 0.5, 1], axis=0)
        ax.fill_between(steps, low, high, color=line["color"], alpha=0.2, linewidth=0)
        ax.semilogy(steps, middle, **line)
        ax.text(*place, label)
    ax.set(xlabel="time step t", ylabel="distance per unit")
    return ax


def learning_curves(ax, updates, curves, levels, *, color=None):
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
        place = {"xytext": (0, -2), "textcoords": "offset points", "ha": "right", "va": "top"}
        ax.annotate(label, (1, level), xycoords=("axes fraction", "data"), **place)
    for style, (name, values) in zip(_line_styles(), curves.items(), strict=False):
        low, middle, high = np.quantile(values, [0, 0.5, 1], axis=0)
        fill = color or COLORS.get(name, COLORS["other"])
        ax.plot(updates, middle, style, color=fill, label=name)
        ax.fill_between(updates, low, high, color=fill, alpha=0.2, linewidth=0)
    ax.set(xlabel="updates")
    return ax


def probability_grid(ax, probabilities, columns, rows):
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

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = probability_grid(Figure().add_subplot(), np.array([[0.9, 0.1]]), ["h"], ["e", "l"])
    >>> [text.get_text() for text in ax.texts]
    ['0.90', '0.10']
    """
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


def weighted_steps(ax, inputs, states, scores, targets, classes, weights, sums):
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

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = weighted_steps(Figure().add_subplot(), "he", np.ones((2, 1)), np.eye(2), "el",
    ...                     "he", [1, -1], (np.zeros(1), np.array([1.0, -1.0])))
    >>> [text.get_text() for text in ax.texts][-4:-2]
    ['sum', '0.0']
    """
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


def backward_chain(ax, totals, shares):
    """Draw the way back from a loss through a chain of states, with the numbers on the arrows.

    Time runs from left to right and the gradient from right to left. Below each state hangs the
    same weight, once more for each step, and receives that step's share of its gradient.

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

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = backward_chain(Figure().add_subplot(), [0.25, 0.5], [0.0, -0.125])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['$h_{1}$', '$w$', '0.250', '0.000', '$h_{2}$', '$w$', '0.500', '−0.125', '$L$']
    """
    blue, purple = COLORS["SimpleRNN"], COLORS["other"]
    box = {"boxstyle": "round,pad=0.08", "linewidth": 1.8, "width": 0.28, "height": 0.28}
    gap, end = 1.4, 1.4 * len(totals)
    for t, (total, share) in enumerate(zip(totals, shares, strict=True), start=1):
        x = gap * (t - 1)
        for height, color, label in ((0, blue, f"$h_{{{t}}}$"), (-1, purple, "$w$")):
            corner = (x - 0.14, height - 0.14)
            ax.add_patch(FancyBboxPatch(corner, edgecolor=color, facecolor=color + "26", **box))
            ax.text(x, height, label, ha="center", va="center", size="large")
        _arrow(ax, (x + gap - 0.28, 0), (x + 0.28, 0), blue, above=_signed(total))
        _arrow(ax, (x, -0.28), (x, -0.72), purple)
        ax.text(x + 0.07, -0.5, _signed(share), va="center")
    ax.text(end, 0, "$L$", ha="center", va="center", size="large")
    ax.set(xlim=(-0.3, end + 0.2), ylim=(-1.3, 0.45), aspect="equal")
    ax.set_axis_off()
    return ax


def bands(ax, x, curves):
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

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = bands(Figure().add_subplot(), np.arange(3), {"k = 1": np.arange(6).reshape(2, 3)})
    >>> ax.lines[0].get_ydata()
    array([1.5, 2.5, 3.5])
    """
    colors = COLORS["SimpleRNN"], COLORS["other"], "gray"
    for style, color, (label, values) in zip(_line_styles(), colors, curves.items(), strict=False):
        low, middle, high = np.quantile(values, [0, 0.5, 1], axis=0)
        ax.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
        ax.plot(x, middle, style, color=color, label=label)
    ax.legend()
    return ax


def _line_styles():
    """Dash patterns, so that lines differ not by colour alone."""
    return cycle(["-", "--", "-.", ":"])


def _color(name):
    """Colour of the cell type that a name begins with, as Keras' "simple_rnn_1" does."""
    plain = name.lower().replace("_", "")
    return COLORS[next((cell for cell in COLORS if plain.startswith(cell.lower())), "other")]


def _arrow(ax, start, end, color, *, above="", below=""):
    """A straight arrow; `above` and `below` label a horizontal one at its middle."""
    style = {"arrowstyle": "-|>", "color": color, "lw": 2.2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
    middle = (start[0] + end[0]) / 2
    ax.text(middle, start[1] + 0.08, above, ha="center", va="bottom", size="large")
    ax.text(middle, start[1] - 0.08, below, ha="center", va="top", size="large")


def _number_box(ax, x, bottom, numbers, color, **font):
    """A column of numbers in a box, the first on top."""
    style = {"boxstyle": "round,pad=0.08", "edgecolor": color, "facecolor": "none"}
    ax.add_patch(FancyBboxPatch((x - 0.3, bottom - 0.45), 0.6, len(numbers) - 0.1, **style))
    for row, number in enumerate(reversed(numbers)):
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        text = f"{round(float(number), 1) + 0.0:.1f}".replace("-", "−")
        ax.text(x, bottom + row, text, ha="center", va="center", **font)


def _signed(value):
    """Three decimals, with a minus sign that is as wide as a plus."""
    return f"{value:z.3f}".replace("-", "\N{MINUS SIGN}")
