"""Growth of gradients through time, measured on products of Jacobians. NumPy only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unrolled.bptt import backpropagate_through_time, unroll
from unrolled.cells import Cell


def norms_by_step(gradients: np.ndarray, *, time_axis: int = 1) -> np.ndarray:
    """Length of the gradient at each time step, as one number per step.

    Euclidean norm over the units, then root mean square over the batch; computed in float64 by
    ``numpy.hypot``, which squares nothing: the squares of small numbers underflow to false zeros.

    Parameters
    ----------
    gradients : ndarray of shape (batch, time, ...units)
        dL/dh_t, with one axis of units or several: those of a ConvLSTM2D are rows, columns and
        channels.
    time_axis : int
        Which axis is time; the batch is the axis before it. Axes before these two, such as seeds,
        stay: time_axis=2 for gradients of shape (seeds, batch, time, units).

    Returns
    -------
    ndarray of float64 of shape (time,)
        With the axes that stay in front of it, if there are any.

    Raises
    ------
    ValueError
        If there is no axis of the batch before that of time, or none of units after it.

    Examples
    --------
    >>> import numpy as np
    >>> norms_by_step(np.array([[[3.0, 4.0], [0.0, 1.0]]]))
    array([5., 1.])
    """
    gradients = np.asarray(gradients)
    if not 1 <= time_axis <= gradients.ndim - 2:
        raise ValueError(
            f"expected gradients of shape (batch, time, ...units) with time as axis {time_axis}, "
            f"got {gradients.shape}"
        )
    summed = (time_axis - 1, *range(time_axis + 1, gradients.ndim))
    norms = np.hypot.reduce(gradients, axis=summed, dtype=float)
    return np.asarray(norms / np.sqrt(gradients.shape[time_axis - 1]))


def half_life(norms: np.ndarray) -> float:
    """Reach of a gradient: over how many steps backward its norm halves.

    ``ln 2 / slope``, with the least-squares slope of ``ln norm`` against the time step. All steps
    count alike, so one kink does not decide; steps where the norm is 0 do not count.

    Parameters
    ----------
    norms : ndarray of shape (time,)
        Norm at each time step, from `norms_by_step`: the later step comes later.

    Returns
    -------
    float
        In steps. Positive if the gradient vanishes, negative if it explodes (it then doubles in
        that many steps), infinite if it does neither.

    Raises
    ------
    ValueError
        If `norms` has another shape, holds a value that is negative or not finite, or has fewer
        than two that are above 0.

    Examples
    --------
    >>> import numpy as np
    >>> half_life(2.0 ** (np.arange(40) / 8)).__round__(9)
    8.0
    """
    norms = np.asarray(norms, float)
    steps = np.flatnonzero(norms)
    if norms.ndim != 1 or len(steps) < 2 or not np.all(np.isfinite(norms) & (norms >= 0)):
        raise ValueError(
            "expected one finite norm for each step, none negative and at least two above 0, "
            f"got {norms}"
        )
    logs, steps = np.log(norms[steps]), steps - steps.mean()
    slope = float(steps @ logs / (steps @ steps))
    rounding = 4 * np.finfo(float).eps * np.abs(logs).max()
    return float(np.log(2) / slope) if abs(slope) * np.ptp(steps) > rounding else float("inf")


def log_growth(cell: Cell, x: np.ndarray, rng: np.random.Generator, *, discard: int = 20) -> float:
    """Growth rate of a gradient that is sent back from the last step, as a mean log per step.

    ``(ln norm(dL/dh_t) - ln norm(dL/dh_T)) / (T - t)`` at t = discard + 1.

    Parameters
    ----------
    cell : Cell
        The cell, best in float64.
    x : ndarray of shape (batch, time, features)
        The sequences that it reads, from the state zero.
    rng : numpy.random.Generator
        Draws the gradient dL/dh_T, with independent normal entries.
    discard : int
        How many of the first steps do not count: the states there still depend on the start.

    Returns
    -------
    float
        Natural logarithm of the growth factor per step backward; norms as in `norms_by_step`.

    Raises
    ------
    ValueError
        If fewer than two steps count, or the gradient is 0 or infinite at one end: beyond 1e-308
        and 1e308 in float64, 1e-38 and 1e38 in float32.

    References
    ----------
    Its limit is the largest Lyapunov exponent: Engelken, Wolf and Abbott (2023), "Lyapunov spectra
    of chaotic recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(1, 8, rng, gain=0.5, activation="linear")
    >>> growth = log_growth(cell, np.ones((1, 50, 1)), rng)
    >>> bool(np.isclose(np.exp(growth), 0.5))  # orthogonal: every direction shrinks alike
    True
    """
    states, cache = unroll(cell, x)
    d_states = np.zeros_like(states)
    d_states[:, -1] = rng.normal(size=states[:, -1].shape)
    norms = norms_by_step(backpropagate_through_time(cell, cache, d_states).states)
    steps = len(norms) - 1 - discard
    if steps < 1 or discard < 0:
        raise ValueError(f"expected 0 <= discard < {len(norms) - 1}, steps less one, got {discard}")
    if norms[discard] == 0 or not np.isfinite(norms[discard]):
        raise ValueError(
            f"expected a gradient that {cell.dtype} holds over {steps} steps, got {norms[discard]}"
        )
    return float((np.log(norms[discard]) - np.log(norms[-1])) / steps)


def log_product_norms(jacobians: Iterable[np.ndarray]) -> np.ndarray:
    """Largest singular value of J_1, J_2 J_1, J_3 J_2 J_1, ... as natural logarithms.

    Each product is rescaled before the next factor, so nothing overflows or underflows.

    Parameters
    ----------
    jacobians : iterable of ndarray of shape (units, units)
        One Jacobian a step, in the order of time: ``[W] * steps`` for a linear recurrence,
        ``cell.jacobian(states)`` along the states of one sequence.

    Returns
    -------
    ndarray of shape (time,)

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(log_product_norms([np.diag([0.5, 2.0])] * 3)).round(9)
    array([2., 4., 8.])
    """
    logs: list[float] = []
    product, total = None, 0.0
    for jacobian in jacobians:
        product = jacobian if product is None else jacobian @ product
        norm = float(np.linalg.norm(product, 2))
        if norm == 0:  # and zero it stays
            norm, total = 1.0, -np.inf
        total += np.log(norm)
        product = product / norm
        logs.append(total)
    return np.array(logs)


def log_singular_values(jacobians: Iterable[np.ndarray]) -> np.ndarray:
    """All singular values of J_1, J_2 J_1, J_3 J_2 J_1, ... as natural logarithms.

    Each product is kept as ``Q diag(exp(s)) T`` with Q orthogonal and T well conditioned, so that
    its scales s never meet in one sum. In the bare product every singular value is lost that is
    smaller than the largest by more than the machine precision.

    Parameters
    ----------
    jacobians : iterable of ndarray of shape (units, units)
        One Jacobian a step, in the order of time. For dh_T/dh_t with T fixed and t = T-1, T-2, ...
        pass their transposes in reverse order: ``cell.jacobian(states)[::-1].swapaxes(1, 2)``.

    Returns
    -------
    ndarray of shape (time, units)
        One row for each product, the largest first. What is more than 300 orders of magnitude
        smaller than the largest comes out as minus infinity.

    References
    ----------
    Loh, Gubernatis, Scalettar, White, Scalapino and Sugar (2005), "Numerical stability and the
    sign problem in the determinant quantum Monte Carlo method".

    Examples
    --------
    >>> import numpy as np
    >>> log_singular_values([np.diag([2.0, 0.5])] * 90)[-1] / np.log(2)
    array([ 90., -90.])
    """
    values: list[np.ndarray] = []
    factors = list(jacobians)
    q = mixing = np.eye(len(factors[0]) if factors else 0)
    scales = np.zeros(len(q))
    for jacobian in factors:
        q, scales, mixing = _graded(jacobian @ q, scales, mixing)
        _, top_down, rest = _graded(mixing.T, scales, np.eye(len(scales)))
        largest = top_down.max()
        sigma = np.linalg.svd(np.exp(top_down - largest)[:, None] * rest, compute_uv=False)
        with np.errstate(divide="ignore"):
            values.append(largest + np.log(sigma))
    return np.array(values)


def lyapunov_exponents(
    jacobians: Iterable[np.ndarray], start: np.ndarray | None = None
) -> np.ndarray:
    """Mean log growth per step of the directions that a product of Jacobians stretches most.

    ``J_t Q_{t-1} = Q_t R_t`` and ``lambda_i = (1 / time) sum over t of ln |R_t[i, i]|``. The QR
    decomposition at every step keeps the directions apart; in the bare product every singular
    value that is smaller than the largest by more than the machine precision is lost.

    Parameters
    ----------
    jacobians : iterable of ndarray of shape (units, units)
        One Jacobian a step, in the order of time. A singular one makes exponents minus infinity,
        or where its zero is rounded, as small as that leaves them.
    start : ndarray of shape (units, directions), optional
        Directions followed, at most `units`, in general position (such as normal draws), whatever
        their lengths; all axes if not given.

    Returns
    -------
    ndarray of shape (directions,)
        Natural logarithms of growth factors, the largest first once `time` is large enough.

    Raises
    ------
    ValueError
        If there is no Jacobian, or there are more directions than units.

    References
    ----------
    Benettin, Galgani, Giorgilli and Strelcyn (1980), "Lyapunov characteristic exponents for smooth
    dynamical systems and for Hamiltonian systems", Meccanica 15; of networks, Engelken, Wolf and
    Abbott (2023), "Lyapunov spectra of chaotic recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> exponents = lyapunov_exponents([np.array([[0.5, 5.0], [0.0, 0.25]])] * 100)
    >>> np.exp(exponents).round(6)  # the eigenvalues, although the largest singular value is 5.03
    array([0.5 , 0.25])
    """
    if start is not None and start.shape[1] > len(start):
        raise ValueError(f"expected at most {len(start)} directions, got {start.shape[1]}")
    q = None if start is None else np.linalg.qr(start)[0]
    total, time = np.zeros(1), 0
    for jacobian in jacobians:
        q, r = np.linalg.qr(jacobian if q is None else jacobian @ q)
        with np.errstate(divide="ignore"):
            total, time = total + np.log(np.abs(np.diag(r))), time + 1
    if not time:
        raise ValueError("expected at least one Jacobian, got none")
    return total / time


def _graded(
    matrix: np.ndarray, scales: np.ndarray, mixing: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write ``matrix @ diag(exp(scales)) @ mixing`` likewise, with an orthogonal matrix in front.

    Scaling columns changes R and not Q, so the QR decomposition never sees the scales.
    """
    tiny = np.finfo(float).tiny  # a zero column has scale minus infinity, nearly
    sizes = np.log(np.maximum(np.linalg.norm(matrix, axis=0), tiny)) + scales
    order = np.argsort(-sizes, kind="stable")
    q, r = np.linalg.qr(matrix[:, order])
    diagonal = np.maximum(np.abs(np.diag(r)), tiny)
    old, new = scales[order], scales[order] + np.log(diagonal)
    ratios = np.exp(np.minimum(np.triu(old - old[:, None]), 700.0))
    return q, new, (r / diagonal[:, None] * ratios) @ mixing[order]
