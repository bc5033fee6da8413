"""One figure for several values of a parameter, all drawn beforehand: a slider needs no kernel."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import unrolled.figures  # noqa: F401  (says what to install where Matplotlib is missing)

# isort: split
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: What a site that knows it turns into a slider; a notebook shows the default frame.
MIME_TYPE = "application/vnd.explorable+json"


class Explorable:
    """What `explorable` returns; a notebook displays the default frame.

    Attributes
    ----------
    bundle : dict
        ``name`` of the parameter; ``kind``, "number" or "choice"; ``values``, as text;
        ``default``, the index of the frame shown first; ``frames``, a figure in SVG for each
        value; ``tables``, the numbers behind each curve that changes.
    """

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundle = bundle

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {
            MIME_TYPE: self.bundle,
            "image/svg+xml": self.bundle["frames"][self.bundle["default"]],
        }


def explorable(
    draw: Callable[[Axes, Any], object],
    values: Sequence[float] | Sequence[str],
    *,
    name: str,
    default: float | str,
    **figure: Any,
) -> Explorable:
    """Draw the same figure for each value of a parameter, on axes with the same limits.

    Parameters
    ----------
    draw : callable
        ``draw(ax, value)`` draws the figure for one value: the same lines, texts and patches each
        time, only elsewhere. It may set limits; the figure shown covers those of all values.
    values : sequence of float or str
        Numbers in ascending order make a slider, words a choice. None may occur twice.
    name : str
        What the parameter is called, with its unit if it has one.
    default : float or str
        The value shown first, one of `values`.
    **figure
        Passed to `matplotlib.figure.Figure`, such as ``figsize``.

    Returns
    -------
    Explorable
        Displayed where it is the last expression of a cell.

    Raises
    ------
    ValueError
        If `default` is not one of `values`, they are numbers that do not ascend, one occurs twice,
        or some value has more lines than another.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(1, 11)
    >>> def powers(ax, w):
    ...     ax.semilogy(x, w**x, label="power of w")
    >>> shown = explorable(powers, [0.5, 0.9], name="weight w", default=0.9)
    >>> shown.bundle["values"], shown.bundle["tables"][0]["columns"][0][:3]
    (['0.5', '0.9'], [0.5, 0.25, 0.125])
    """
    if default not in values:
        raise ValueError(f"expected a default among {list(values)}, got {default!r}")
    words = isinstance(values[0], str)
    if len(set(values)) < len(values) or not (words or np.all(np.diff(np.asarray(values)) > 0)):
        raise ValueError(f"expected ascending numbers or different words, got {list(values)}")
    figures = [Figure(**figure) for _ in values]
    for fig, value in zip(figures, values, strict=True):
        draw(fig.add_subplot(), value)
    axes = [fig.axes[0] for fig in figures]
    tables = _tables(axes)
    _share_limits(axes)
    shown = list(values).index(default)
    _share_place(figures, shown)
    bundle = {
        "name": name,
        "kind": "choice" if words else "number",
        "values": list(values) if words else [f"{value:g}" for value in values],
        "default": shown,
        "frames": [_svg(fig) for fig in figures],
        "tables": tables,
    }
    return Explorable(bundle)


def _share_limits(axes: list[Axes]) -> None:
    limits = np.array([[ax.get_xlim(), ax.get_ylim()] for ax in axes])  # (values, 2, 2)
    flipped = limits[0, :, 0] > limits[0, :, 1]
    low, high = limits.min(axis=(0, 2)), limits.max(axis=(0, 2))
    left, right = np.where(flipped, [high, low], [low, high])
    for ax in axes:
        ax.set(xlim=(left[0], right[0]), ylim=(left[1], right[1]))


def _share_place(figures: list[Figure], default: int) -> None:
    """Lay out the default figure and put all axes where its axes are."""
    figures[default].draw_without_rendering()
    place = figures[default].axes[0].get_position()
    for figure in figures:
        figure.set_layout_engine("none")
        figure.axes[0].set_position(place)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _tables(axes: list[Axes], rows: int = 20) -> list[dict[str, Any]]:
    """For each line that changes with the value: x and y, at no more than `rows` places."""
    counts = sorted({len(ax.lines) for ax in axes})
    if len(counts) > 1:
        raise ValueError(f"expected the same lines for every value, got {counts} lines")
    tables = []
    for lines in zip(*(ax.lines for ax in axes), strict=True):
        curves = [line.get_xydata() for line in lines]
        if all(np.array_equal(curves[0], curve, equal_nan=True) for curve in curves):
            continue
        places = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
        places = places[:: math.ceil(len(places) / rows)].tolist()
        label = lines[0].get_label()
        tables.append({
            "label": axes[0].get_ylabel() if label.startswith("_") else label,
            "x": axes[0].get_xlabel(),
            "places": places,
            "columns": [_column(curve, places) for curve in curves],
        })  # fmt: skip
    return tables


def _column(curve: np.ndarray, places: list[float]) -> list[float | None]:
    """y at each place to three digits, None where the curve has no point."""
    known = {x: float(f"{y:.3g}") for x, y in curve.tolist() if math.isfinite(y)}
    return [known.get(x) for x in places]
