"""Turn gradients into weight updates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Arrays = Sequence[np.ndarray]


def clip_by_norm(gradients: Arrays, limit: float) -> tuple[list[np.ndarray], float]:
    """Scale all gradients down together if their common norm is above a limit.

    ``g <- g * min(1, limit / ||g||)`` with ||g|| the Euclidean norm over all entries of all arrays.

    Parameters
    ----------
    gradients : sequence of ndarray
        The gradient, in as many arrays as there are weights. Not changed.
    limit : float
        The largest norm that is let through.

    Returns
    -------
    clipped : list of ndarray
        The scaled gradients, which keep their common direction.
    norm : float
        The norm before clipping.

    Raises
    ------
    ValueError
        If the limit is not positive.
    FloatingPointError
        If the norm is not finite, so that no direction is left to keep.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_norm([np.array([3.0]), np.array([4.0])], 1.0)
    ([array([0.6]), array([0.8])], 5.0)
    """
    _check_limit(limit)
    gradients = [1.0 * np.asarray(g) for g in gradients]  # whole numbers become float64
    norm = _length(np.concatenate(gradients, axis=None))
    if not np.isfinite(norm):
        raise FloatingPointError(f"expected gradients of a finite norm, got {norm}")
    scale = min(1.0, limit / norm) if norm > 0 else 1.0
    return [g * g.dtype.type(scale) for g in gradients], norm


def clip_by_value(gradients: Arrays, limit: float) -> list[np.ndarray]:
    """Cut every entry of every gradient to an interval around zero, each on its own.

    ``g_i <- min(max(g_i, -limit), limit)``. The direction changes wherever an entry is cut: at a
    small limit all n entries have one size, and the clipped gradient points along ``sign(g)`` with
    a norm of ``limit * sqrt(n)``. Its angle to the gradient stays below ``arccos(1 / sqrt(n))``.

    Parameters
    ----------
    gradients : sequence of ndarray
        The gradient, in as many arrays as there are weights. Not changed.
    limit : float
        The largest absolute value that is let through.

    Returns
    -------
    list of ndarray
        The cut gradients.

    Raises
    ------
    ValueError
        If the limit is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_value([np.array([3.0, -0.5]), np.array([-4.0])], 1.0)
    [array([ 1. , -0.5]), array([-1.])]
    """
    _check_limit(limit)
    floats = [1.0 * np.asarray(g) for g in gradients]  # whole numbers become float64
    return [np.clip(g, -g.dtype.type(limit), g.dtype.type(limit)) for g in floats]


class Adam:
    """Gradient descent with a step of its own for every weight, changed in place.

    ``m <- b1 m + (1 - b1) g``, ``v <- b2 v + (1 - b2) g^2``, and
    ``w <- w - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)`` at update t, where
    b1 = 0.9 and b2 = 0.999 say how much of the running means is kept. A gradient whose square
    overflows (above 1.8e19 in float32) makes the weight NaN: clip before.

    Parameters
    ----------
    parameters : sequence of ndarray
        The weights themselves: every update writes into these arrays.
    learning_rate : float
        Default step size.
    epsilon : float
        Keeps the division finite.

    References
    ----------
    Kingma and Ba (2015), "Adam: a method for stochastic optimization".

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, -2.0])
    >>> Adam([w], learning_rate=0.1).update([np.array([0.3, -5.0])])
    >>> w.round(6)
    array([ 0.9, -1.9])
    """

    def __init__(
        self, parameters: Arrays, *, learning_rate: float = 1e-3, epsilon: float = 1e-8
    ) -> None:
        self.parameters, self.learning_rate, self.epsilon = list(parameters), learning_rate, epsilon
        self.mean = np.zeros_like(np.concatenate(self.parameters, axis=None))  # of all weights
        self.square = np.zeros_like(self.mean)
        self.updates = 0

    def update(self, gradients: Arrays, *, learning_rate: float | None = None) -> None:
        """Take one step.

        Parameters
        ----------
        gradients : sequence of ndarray
            One for each of the parameters.
        learning_rate : float, optional
            Step size for this update only.

        Raises
        ------
        ValueError
            If the gradients do not have the shapes of the parameters.
        """
        shapes, wanted = [g.shape for g in gradients], [w.shape for w in self.parameters]
        if shapes != wanted:
            raise ValueError(f"expected gradients of shapes {wanted}, got {shapes}")
        self.updates += 1
        rate = self.learning_rate if learning_rate is None else learning_rate
        b1, b2 = 0.9, 0.999
        # All weights as one vector: in small networks a call costs more than its arithmetic.
        g, m, v = np.concatenate(gradients, axis=None), self.mean, self.square
        m += (1 - b1) * (g - m)
        v += (1 - b2) * (g * g - v)
        mean, square = m / (1 - b1**self.updates), v / (1 - b2**self.updates)
        steps, start = rate * mean / (np.sqrt(square) + self.epsilon), 0
        for w in self.parameters:
            w -= steps[start : start + w.size].reshape(w.shape)
            start += w.size


def _length(flat: np.ndarray) -> float:
    """Euclidean norm, without over- or underflow."""
    if flat.dtype.itemsize < np.dtype(float).itemsize:
        flat = flat.astype(float)  # which holds the squares of single precision
        return math.sqrt(flat @ flat)
    return float(np.hypot.reduce(flat))  # which squares nothing


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"expected a positive limit, got {limit}")
