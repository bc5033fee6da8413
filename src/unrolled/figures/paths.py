"""The graph of a network over time, with one way of the gradient drawn through it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from unrolled.figures.style import COLORS

Place = tuple[float, float]

BEND = 0.25  # of an arc: its top lies at half of this times its width


def gradient_path(
    ax: Axes,
    edges: Sequence[tuple[Place, Place]],
    path: Sequence[Place],
    *,
    at: Place = (0.0, 0.0),
    title: str = "",
) -> Axes:
    """Draw a network over time as dots and thin lines, and one path of the gradient as arrows.

    Time runs from left to right and the gradient from the loss, a square, to an input, a ring.
    Lines between places of one height that are more than 1 apart run in an arc above the dots
    between them. Several graphs may be drawn on one Axes, each at a place of its own.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; its ticks and frame are switched off.
    edges : sequence of pair of place
        What feeds what: each place is (time, height). The dots are the places that occur.
    path : sequence of place
        From the loss to the input; each two places that follow one another are an edge.
    at : place
        Where place (0, 0) of this graph lies on the Axes.
    title : str
        Stands above the graph and starts at its left edge.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the path uses an edge that is not there.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> edges = [((1, 0), (1, 1)), ((1, 1), (2, 1)), ((2, 0), (2, 1)), ((2, 1), (2, 2))]
    >>> ax = gradient_path(Figure().add_subplot(), edges, [(2, 2), (2, 1), (1, 1), (1, 0)])
    >>> len(ax.patches)
    7
    """
    known = {frozenset(edge) for edge in edges}
    hops = list(pairwise(path))
    if missing := [hop for hop in hops if frozenset(hop) not in known]:
        raise ValueError(f"expected a path along the edges, got {missing[0]}, which is none")
    for start, end in edges:
        _line(ax, start, end, at, arrowstyle="-", color="gray", linewidth=0.8, alpha=0.7)
    for start, end in hops:
        _line(ax, start, end, at, arrowstyle="-|>", color=COLORS["other"], linewidth=2.2, zorder=3)
    places = sorted({place for edge in edges for place in edge} - {path[0], path[-1]})
    if places:
        x, y = zip(*(_shifted(place, at) for place in places), strict=True)
        ax.plot(x, y, "o", color=COLORS["SimpleRNN"], markersize=4, zorder=4)
    loss, source = _shifted(path[0], at), _shifted(path[-1], at)
    ax.plot(*loss, "s", color=COLORS["other"], markersize=7, zorder=4)
    ax.plot(*source, "o", color=COLORS["other"], markerfacecolor="none", markersize=8, zorder=4)
    x, y = zip(*(_shifted(place, at) for edge in edges for place in edge), strict=True)
    widest = max([abs(a[0] - b[0]) for a, b in edges if a[1] == b[1]], default=0)
    top = max(y) + 0.35 + (BEND * widest / 2 if widest > 1 else 0)
    ax.text(min(x) - 0.3, top, title, va="bottom")
    ax.update_datalim([(min(x) - 0.4, min(y) - 0.4), (max(x) + 0.4, top + 0.6)])
    ax.margins(0)
    ax.autoscale_view()
    ax.set_axis_off()
    return ax


def _shifted(place: Place, at: Place) -> Place:
    return place[0] + at[0], place[1] + at[1]


def _line(ax: Axes, start: Place, end: Place, at: Place, **style: Any) -> None:
    skip = start[1] == end[1] and abs(start[0] - end[0]) > 1
    bend = BEND * (1 if start[0] > end[0] else -1) if skip else 0.0
    arrow = FancyArrowPatch(
        _shifted(start, at), _shifted(end, at), connectionstyle=f"arc3,rad={bend}",
        mutation_scale=9, shrinkA=3, shrinkB=3, **style,
    )  # fmt: skip
    ax.add_patch(arrow)
