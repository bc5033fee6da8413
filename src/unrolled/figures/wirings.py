"""How a network is wired: which steps read and answer, which block of a weight meets what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from unrolled.figures.style import COLORS, arrow, box, color_of


def wiring(
    ax: Axes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    cells: Sequence[str] = (),
    at: tuple[float, float] = (0.0, 0.0),
    title: str = "",
) -> Axes:
    """Draw which steps of an unrolled network read something and which answer.

    Time runs from left to right. A step with an input has an arrow from below, one with an output
    an arrow upwards; the state goes to the right at every step. Several wirings may be drawn on
    one Axes, each at a place of its own.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    inputs, outputs : sequence of str
        One label for each step, below and above its cell; an empty label draws no arrow. Steps
        are 1 wide and a wiring is 2.2 high: about seven steps stay legible on a phone.
    cells : sequence of str, optional
        What stands in the box of each step; two different words draw two different cells. By
        default ``f`` in all of them.
    at : pair of float
        Centre of the first cell.
    title : str
        Stands above the first cell, and starts at its left edge.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are no steps, not one input, output and cell for each, or more than two different
        cells.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = wiring(Figure().add_subplot(), ["photo", "", ""], ["a", "black", "cat"])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['$f$', 'photo', 'a', '$f$', 'black', '$f$', 'cat']
    """
    cells = cells or ["$f$"] * len(inputs)
    if not 1 <= len(inputs) == len(outputs) == len(cells):
        raise ValueError(
            "expected at least one step, and one input, output and cell for each, got "
            f"{len(inputs)}, {len(outputs)} and {len(cells)}"
        )
    if len(set(cells)) > 2:
        raise ValueError(f"expected at most 2 different cells, got {len(set(cells))}")
    colors = dict(zip(dict.fromkeys(cells), (COLORS["SimpleRNN"], COLORS["other"]), strict=False))
    x, y = at
    for step, (read, answer, cell) in enumerate(zip(inputs, outputs, cells, strict=True)):
        color, middle = colors[cell], x + step
        box(ax, middle, y, cell, color)
        if read:
            arrow(ax, (middle, y - 0.68), (middle, y - 0.28), color)
            ax.text(middle, y - 0.72, read, ha="center", va="top")
        if answer:
            arrow(ax, (middle, y + 0.28), (middle, y + 0.68), color)
            ax.text(middle, y + 0.72, answer, ha="center", va="bottom")
        if step + 1 < len(cells):
            arrow(ax, (middle + 0.28, y), (middle + 0.72, y), color)
    ax.text(x - 0.35, y + 1.12, title, va="bottom", weight="bold")
    _include(ax, (x - 0.5, y - 1.0), (x + len(cells) - 0.5, y + 1.4))
    return ax


def weight_blocks(
    ax: Axes,
    shapes: Mapping[str, Sequence[tuple[int, ...]]],
    gates: Mapping[str, Sequence[str]],
) -> Axes:
    """Draw the weights of recurrent layers to scale, one block of columns for each gate.

    The input meets the rows of the kernel, the old state those of the recurrent kernel below it,
    and the bias, in one or two rows, stands at the bottom. Each block of columns makes the
    pre-activation of one gate or candidate.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    shapes : dict of str to sequence of tuple of int
        Shapes of kernel, recurrent kernel and bias under the name of the cell type. All cells have
        the same features and units.
    gates : dict of str to sequence of str
        Labels of the blocks, from the left.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = weight_blocks(Figure().add_subplot(), {"LSTM": [(2, 12), (3, 12), (12,)]},
    ...                    {"LSTM": "ifco"})
    >>> len(ax.patches), [text.get_text() for text in ax.texts][:5]
    (12, ['LSTM, 12 columns', 'i', 'f', 'c', 'o'])
    """
    top = 0.0
    for name, (kernel, recurrent_kernel, bias) in shapes.items():
        units, color = recurrent_kernel[0], color_of(name)
        ax.text(0, top + 0.1, f"{name}, {kernel[1]} columns", va="bottom", weight="bold")
        weights = {"$x_t$ meets kernel": kernel[0], "$h_{t-1}$ meets recurrent_kernel": units}
        weights |= {"bias": 1} if len(bias) == 1 else {"bias": 1, "recurrent bias": 1}
        for weight, rows in weights.items():
            height = rows / units
            for x, label in enumerate(gates[name]):
                block = Rectangle((x, top - height), 1, height, ec=color, fc=color + "26", lw=1.4)
                ax.add_patch(block)
                if "bias" not in weight:
                    ax.text(x + 0.5, top - height / 2, label, ha="center", va="center")
            ax.text(-0.12, top - height / 2, weight, ha="right", va="center")
            top -= height + 0.08
        top -= 0.75
    widest = max(map(len, gates.values()))
    _include(ax, (-3.6, top + 0.7), (widest + 0.05, 0.5))
    return ax


def _include(ax: Axes, corner: tuple[float, float], opposite: tuple[float, float]) -> None:
    """Stretch the limits so that they hold this rectangle too."""
    ax.update_datalim([corner, opposite])
    ax.margins(0)
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.set_axis_off()
