"""Growth of gradients through time, measured on products of Jacobians. NumPy only."""

from __future__ import annotations

import numpy as np

from unrolled.bptt import backpropagate_through_time, unroll


def norms_by_step(gradients):
    """Length of the gradient at each time step, as one number per step.

    Euclidean norm over the units, then root mean square over the batch.

    Parameters
    ----------
    gradients : ndarray of shape (..., batch, time, units)
        dL/dh_t. Use float64: squares of float32 numbers below 1e-23 underflow to false zeros.

    Returns
    -------
    ndarray of shape (..., time)

    Examples
    --------
    >>> import numpy as np
    >>> norms_by_step(np.array([[[3.0, 4.0], [0.0, 1.0]]]))
    array([5., 1.])
    """
    return np.sqrt(np.mean(np.sum(np.square(gradients), axis=-1), axis=-2))


def log_growth(cell, x, rng, *, discard=20):
    """Growth rate of a gradient that is sent back from the last step, as a mean log per step.

    ``(ln norm(dL/dh_t) - ln norm(dL/dh_T)) / (T - t)`` at t = discard + 1.

    Parameters
    ----------
    cell : SimpleRNNCell
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
        If fewer than two steps count.

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
    logs = np.log(norms_by_step(backpropagate_through_time(cell, cache, d_states).states))
    steps = len(logs) - 1 - discard
    if steps < 1:
        raise ValueError(f"expected more than {discard + 1} steps, got {len(logs)}")
    return float((logs[discard] - logs[-1]) / steps)


def log_product_norms(jacobians):
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

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(log_product_norms([np.diag([0.5, 2.0])] * 3)).round(9)
    array([2., 4., 8.])
    """
    logs, product, total = [], None, 0.0
    for jacobian in jacobians:
        product = jacobian if product is None else jacobian @ product
        norm = np.linalg.norm(product, 2)
        total += np.log(norm)
        product = product / norm
        logs.append(total)
    return np.array(logs)


def lyapunov_exponents(jacobians, start=None):
    """Mean log growth per step of the directions that a product of Jacobians stretches most.

    ``J_t Q_{t-1} = Q_t R_t`` and ``lambda_i = (1 / time) sum over t of ln |R_t[i, i]|``. The QR
    decomposition at every step keeps the directions apart; in the bare product every singular
    value that is smaller than the largest by more than the machine precision is lost.

    Parameters
    ----------
    jacobians : iterable of ndarray of shape (units, units)
        One Jacobian a step, in the order of time, none singular.
    start : ndarray of shape (units, directions), optional
        Directions followed, in general position (such as normal draws); all axes if not given.

    Returns
    -------
    ndarray of shape (directions,)
        Natural logarithms of growth factors, the largest first once `time` is large enough.

    References
    ----------
    Engelken, Wolf and Abbott (2023), "Lyapunov spectra of chaotic recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> exponents = lyapunov_exponents([np.array([[0.5, 5.0], [0.0, 0.25]])] * 100)
    >>> np.exp(exponents).round(6)  # the eigenvalues, although the largest singular value is 5.03
    array([0.5 , 0.25])
    """
    jacobians = iter(jacobians)
    first = next(jacobians)
    q, r = np.linalg.qr(first if start is None else first @ start)
    total, time = np.log(np.abs(np.diag(r))), 1
    for jacobian in jacobians:
        q, r = np.linalg.qr(jacobian @ q)
        total, time = total + np.log(np.abs(np.diag(r))), time + 1
    return total / time
