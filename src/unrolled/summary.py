"""A measurement of the gradient flow as a table. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from unrolled.record import REACHED, check_measured
from unrolled.spectra import half_life, norms_by_step


class Summary(NamedTuple):
    """What `summary` returns; it prints as two tables."""

    states: dict[str, dict[str, float]]  #: by name of state, a number under each heading
    weights: dict[str, dict[str, float]]  #: by path of weight; empty if they were not measured

    def __repr__(self) -> str:
        tables = {"state": self.states, "weight": self.weights}
        return "\n\n".join(_table(what, rows) for what, rows in tables.items() if rows)


def summary(flow: Mapping[str, np.ndarray]) -> Summary:
    """Put a measurement in numbers: a row for each state, and one for each weight.

    Parameters
    ----------
    flow : Flow or mapping of str to ndarray of shape (batch, time, ...units)
        What `gradient_flow` returns.

    Returns
    -------
    Summary
        For each state: the norm at the ``last`` and at the ``first`` step (as in `norms_by_step`);
        the ``half-life`` in steps, negative where the norm grows on its way back; the ``reach``,
        how many steps back the norm is still 1% of the largest or more; which shares of all
        numbers are exactly ``zero`` and ``subnormal`` (so small that they lose digits); and how
        many are ``not finite``. For each weight, if the flow has them: the ``norm`` of dL/dW; and
        for those of the layers measured, which share of it the ``last tenth`` of the time steps
        contribute, and how many of the last steps contribute a ``half`` of it. A layer that is
        called twice has a second row, ``path#2``, for the steps of its second call.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled.flow import Flow
    >>> states = {"gru": 0.5 ** np.arange(19, -1, -1.0).reshape(1, 20, 1)}
    >>> summary(Flow(states, weights={"gru/kernel": np.array([[3.0, 4.0]])},
    ...              shares={"gru/kernel": np.linspace(0, 0.1, 20)}))
    state       last      first  half-life      reach       zero  subnormal not finite
    gru            1   1.91e-06          1          6          0          0          0
    <BLANKLINE>
    weight           norm last tenth       half
    gru/kernel          5      0.195          6
    """
    check_measured(flow)
    norms = {path: {"norm": _norm(dW)} for path, dW in _of(flow, "weights").items()}
    for path, shares in _of(flow, "shares").items():  # the second call of a layer has "path#2"
        norms[path] = norms[path.partition("#")[0]] | _spread(shares)
    return Summary({name: _row(gradient) for name, gradient in flow.items()}, norms)


def _of(flow: Mapping[str, np.ndarray], what: str) -> dict[str, np.ndarray]:
    return getattr(flow, what, {})


def _norm(dW: np.ndarray) -> float:
    return float(np.hypot.reduce(dW, axis=None, dtype=float))  # no over- nor underflow


def _row(gradient: np.ndarray) -> dict[str, float]:
    norms, sizes = norms_by_step(gradient)[::-1], np.abs(gradient)
    reached = np.flatnonzero((norms > 0) & (norms >= REACHED * norms.max()))
    known = np.count_nonzero(norms) > 1 and np.isfinite(norms).all()
    # That of TensorFlow's bfloat16, which NumPy does not know, is that of float32.
    tiny = np.finfo(gradient.dtype if gradient.dtype.kind == "f" else np.float32).tiny
    return {
        "last": float(norms[0]),
        "first": float(norms[-1]),
        "half-life": half_life(norms[::-1]) if known else np.nan,
        "reach": float(reached[-1]) if reached.size else np.nan,
        "zero": float(np.mean(sizes == 0)),
        "subnormal": float(np.mean((sizes > 0) & (sizes < tiny))),
        "not finite": float(np.sum(~np.isfinite(sizes))),
    }


def _spread(shares: np.ndarray) -> dict[str, float]:
    back = np.cumsum(shares[::-1])
    tenth, half = max(1, round(len(shares) / 10)), np.flatnonzero(back >= 0.5)
    return {"last tenth": float(back[tenth - 1]), "half": half[0] + 1.0 if half.size else np.nan}


def _table(what: str, rows: dict[str, dict[str, float]]) -> str:
    """One line for each row, with the headings of the fullest above."""
    headings = max(rows.values(), key=len)
    width = max(map(len, [what, *rows]))
    lines = [f"{what:{width}}" + "".join(f"{heading:>11}" for heading in headings)]
    for name, row in rows.items():
        lines.append(f"{name:{width}}" + "".join(f"{value:11.3g}" for value in row.values()))
    return "\n".join(lines)
