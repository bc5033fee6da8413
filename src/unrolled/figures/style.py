"""What all figures share: colours of cell types, dashes, bands over seeds, boxes and arrows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

#: One colour for each cell type on every page: told apart by colour-blind readers, and at least
#: 3:1 in contrast with a white and with a dark page.
COLORS = {"SimpleRNN": "#1065e9", "LSTM": "#d76917", "GRU": "#14a762", "other": "#bb63bd"}


def line_styles() -> Iterator[str]:
    """Dash patterns, so that lines differ not by colour alone."""
    return cycle(["-", "--", "-.", ":"])


def check_entries(entries: object, most: int | None = None) -> None:
    """Refuse what is no mapping, is empty or has more entries than there are looks for."""
    if not isinstance(entries, Mapping):
        raise TypeError(f"expected arrays under their names, got {type(entries).__name__}")
    if not entries:
        raise ValueError("expected at least 1 entry, got none")
    if most and len(entries) > most:
        raise ValueError(f"expected at most {most} entries, got {len(entries)}")


def color_of(name: str) -> str:
    """Colour of the cell type that a name begins with, as Keras' "simple_rnn_1" does.

    Of a path such as "both/forward_lstm/c", any part may name it.
    """
    for part in name.lower().replace("_", "").split("/"):
        plain = part.removeprefix("forward").removeprefix("backward")
        for cell, color in COLORS.items():
            if plain.startswith(cell.lower()):
                return color
    return COLORS["other"]


def band(ax: Axes, x: np.ndarray, values: np.ndarray, *, color: str, **line: Any) -> None:
    """Median of (seeds, points) as a line; with several, a band from smallest to largest."""
    values = np.atleast_2d(values)
    low, middle, high = np.quantile(values, [0, 0.5, 1], axis=0)
    ax.plot(x, middle, color=color, **line)
    if len(values) > 1:
        ax.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)


def box(
    ax: Axes, x: float, y: float, label: str, color: str, *, half: float = 0.2, **font: Any
) -> None:
    """A square with round corners around (x, y) and a label in it."""
    corner, side = (x - half, y - half), 2 * half
    look: dict[str, Any] = {"edgecolor": color, "facecolor": color + "26", "linewidth": 1.8}
    ax.add_patch(FancyBboxPatch(corner, side, side, boxstyle="round,pad=0.08", **look))
    ax.text(x, y, label, ha="center", va="center", **font)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    *,
    above: str = "",
    below: str = "",
) -> None:
    """A straight arrow; `above` and `below` label a horizontal one at its middle."""
    style = {"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
    middle = (start[0] + end[0]) / 2
    for label, side, va in ((above, 0.08, "bottom"), (below, -0.08, "top")):
        if label:
            ax.text(middle, start[1] + side, label, ha="center", va=va, size="large")
