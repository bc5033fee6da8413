"""What happens inside a gated cell in one step."""

from __future__ import annotations

from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from unrolled.figures.style import COLORS, box

Place = tuple[float, float]

TOP, MIDDLE, GATES, INPUT = 3.0, 1.85, 0.7, -0.5  #: heights: state, products, gates, input
RADIUS = 0.2  #: of a circle with an operation


def gated_cell(ax: Axes, kind: Literal["LSTM", "GRU"]) -> Axes:
    """Draw one step of an LSTM or a GRU, with the additive path along the top.

    The old state comes from the left and leaves as the new state at the right. Gates and candidate
    are boxes, and a round node multiplies or adds entry by entry. Everything but the additive path
    is gray.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    kind : {"LSTM", "GRU"}
        Which cell.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no drawing of that kind of cell.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = gated_cell(Figure().add_subplot(), "LSTM")
    >>> [text.get_text() for text in ax.texts][:2]
    ['$c_{t-1}$', '$c_t$']
    """
    if kind not in ("LSTM", "GRU"):
        raise ValueError(f"expected 'LSTM' or 'GRU', got {kind!r}")
    draw, state = (_lstm, "c") if kind == "LSTM" else (_gru, "h")
    _additive_path(ax, state, COLORS[kind])
    draw(ax)
    _input(ax)
    ax.set(xlim=(-0.55, 7.75), ylim=(INPUT - 0.4, TOP + 0.5), aspect="equal")
    ax.set_axis_off()
    return ax


def _additive_path(ax: Axes, state: str, color: str) -> None:
    """From the old state through a product and a sum to the new one."""
    ax.text(-0.5, TOP, f"${state}_{{t-1}}$", ha="left", va="center", size="x-large")
    ax.text(7.7, TOP, f"${state}_t$", ha="right", va="center", size="x-large")
    thick: dict[str, Any] = {"color": color, "lw": 3}
    _arrow(ax, (0.3, TOP), (1 - RADIUS, TOP), **thick)
    _arrow(ax, (1 + RADIUS, TOP), (3.3 - RADIUS, TOP), **thick)
    _arrow(ax, (3.3 + RADIUS, TOP), (7.2, TOP), **thick)
    _operation(ax, (1, TOP), "×", color)
    _operation(ax, (3.3, TOP), "+", color)
    _arrow(ax, (3.3, MIDDLE + RADIUS), (3.3, TOP - RADIUS))
    _operation(ax, (3.3, MIDDLE), "×")


def _lstm(ax: Axes) -> None:
    for x, gate in ((1.0, "f"), (2.5, "i"), (4.1, "g"), (5.7, "o")):
        _gate(ax, x, gate)
    _arrow(ax, (1.0, GATES + 0.33), (1.0, TOP - RADIUS))
    _arrow(ax, (2.5, GATES + 0.33), (3.15, MIDDLE - 0.15))
    _arrow(ax, (4.1, GATES + 0.33), (3.45, MIDDLE - 0.15))
    _arrow(ax, (5.7, GATES + 0.33), (5.7, MIDDLE - RADIUS))
    _operation(ax, (5.7, MIDDLE), "×")
    _arrow(ax, (5.7, TOP), (5.7, MIDDLE + RADIUS))
    ax.text(5.8, (TOP + MIDDLE) / 2 + 0.08, "tanh", va="center")
    _arrow(ax, (5.7 + RADIUS, MIDDLE), (7.2, MIDDLE))
    ax.text(7.7, MIDDLE, "$h_t$", ha="right", va="center", size="x-large")


def _gru(ax: Axes) -> None:
    for x, gate in ((1.0, "z"), (4.1, "g"), (5.7, "r")):
        _gate(ax, x, gate)
    _arrow(ax, (1.0, GATES + 0.33), (1.0, TOP - RADIUS))
    _arrow(ax, (1.3, GATES + 0.2), (3.12, MIDDLE - 0.1))
    ax.text(2.15, (MIDDLE + GATES) / 2 + 0.28, "$1-z$", ha="center", va="bottom", size="large")
    _arrow(ax, (4.1, GATES + 0.33), (3.45, MIDDLE - 0.15))
    _arrow(ax, (5.4, GATES), (4.42, GATES))


def _gate(ax: Axes, x: float, label: str) -> None:
    box(ax, x, GATES, f"${label}$", COLORS["other"], size="x-large")
    _arrow(ax, (x, INPUT + 0.29), (x, GATES - 0.3))


def _input(ax: Axes) -> None:
    """What all gates and the candidate are computed from."""
    look: dict[str, Any] = {"edgecolor": "gray", "facecolor": "none", "linewidth": 1.2}
    corner, width, height = (0.72, INPUT - 0.2), 5.26, 0.4
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0.08", **look))
    ax.text(3.35, INPUT, "$x_t$ and $h_{t-1}$", ha="center", va="center", size="large")


def _operation(ax: Axes, at: Place, sign: str, color: str = "gray") -> None:
    """A round node in which what comes in is multiplied or added, entry by entry."""
    ax.plot(*at, "o", markersize=17, markerfacecolor="none", markeredgecolor=color, mew=1.8)
    ax.text(*at, sign, ha="center", va="center_baseline", size="large")


def _arrow(ax: Axes, start: Place, end: Place, color: str = "gray", lw: float = 1.4) -> None:
    style = {"arrowstyle": "-|>", "color": color, "lw": lw, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
