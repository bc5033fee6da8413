"""Turn gradients into weight updates."""

from __future__ import annotations

import numpy as np


def clip_by_norm(gradients, limit):
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
        The scaled gradients.
    norm : float
        The norm before clipping.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_norm([np.array([3.0]), np.array([4.0])], 1.0)
    ([array([0.6]), array([0.8])], 5.0)
    """
    norm = float(np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradients)))
    scale = min(1.0, limit / norm) if norm > 0 else 1.0
    return [g * g.dtype.type(scale) for g in gradients], norm


class Adam:
    """Gradient descent with a step of its own for every weight, changed in place.

    ``m <- b1 m + (1 - b1) g``, ``v <- b2 v + (1 - b2) g^2``, and
    ``w <- w - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)`` at update t.

    Parameters
    ----------
    parameters : sequence of ndarray
        The weights themselves: every update writes into these arrays.
    learning_rate : float
        Default step size.
    decay : tuple of float
        b1 and b2, how much of the running means is kept.
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

    def __init__(self, parameters, *, learning_rate=1e-3, decay=(0.9, 0.999), epsilon=1e-8):
        self.parameters = list(parameters)
        self.learning_rate, self.decay, self.epsilon = learning_rate, decay, epsilon
        self.means = [np.zeros_like(w) for w in self.parameters]
        self.squares = [np.zeros_like(w) for w in self.parameters]
        self.updates = 0

    def update(self, gradients, *, learning_rate=None):
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
        b1, b2 = self.decay
        for w, g, m, v in zip(self.parameters, gradients, self.means, self.squares, strict=True):
            m += (1 - b1) * (g - m)
            v += (1 - b2) * (g * g - v)
            mean, square = m / (1 - b1**self.updates), v / (1 - b2**self.updates)
            w -= rate * mean / (np.sqrt(square) + self.epsilon)
