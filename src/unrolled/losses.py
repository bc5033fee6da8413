"""Losses and their gradients: how far an output is from its target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike


def one_hot(indices: ArrayLike, classes: int, *, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Vectors with a 1 at the index of a class and 0 elsewhere.

    Parameters
    ----------
    indices : ndarray of int of shape (...)
        Indices of classes, such as the characters of a vocabulary.
    classes : int
        How many there are.
    dtype : dtype
        Of the vectors.

    Returns
    -------
    ndarray of shape (..., classes)

    Raises
    ------
    ValueError
        If the indices are not integers in range(classes).

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    indices = np.asarray(indices)
    if indices.dtype.kind not in "iu":
        raise ValueError(f"expected indices of classes as integers, got {indices.dtype}")
    outside = indices[(indices < 0) | (indices >= classes)]
    if outside.size:
        raise ValueError(f"expected indices in range({classes}), got {outside[0]}")
    return np.asarray(np.eye(classes, dtype=dtype)[indices])


def softmax(scores: ArrayLike, *, temperature: float = 1.0) -> np.ndarray:
    """Turn scores into probabilities: ``p_k = exp(y_k / T) / sum_j exp(y_j / T)``.

    Parameters
    ----------
    scores : ndarray of shape (..., classes)
        Scores (logits) y.
    temperature : float
        T above 0: below 1 sharpens the distribution, above 1 flattens it.

    Returns
    -------
    ndarray of shape (..., classes)
        Probabilities, which sum to 1 over the last axis.

    Raises
    ------
    ValueError
        If the temperature is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.log([1.0, 2.0, 5.0])).round(6)
    array([0.125, 0.25 , 0.625])
    """
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, got {temperature}")
    scores = 1.0 * np.asarray(scores)
    # Subtracting the maximum changes no probability and keeps exp from overflowing.
    with np.errstate(over="ignore"):  # -inf where the temperature is tiny
        exponentials = np.exp((scores - scores.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def cross_entropy(scores: ArrayLike, targets: ArrayLike) -> tuple[float, np.ndarray]:
    """Mean negative log-probability of the targets, and its gradient.

    ``L = -mean log softmax(y)[target]``,  ``dL/dy = (softmax(y) - one_hot(target)) / count``

    Parameters
    ----------
    scores : ndarray of shape (..., classes)
        Scores (logits) y.
    targets : ndarray of int of shape (...)
        The index of the right class for each row of scores.

    Returns
    -------
    loss : float
        In nats, averaged over all targets; divide by ln 2 for bits.
    d_scores : ndarray of shape (..., classes)
        dL/dy.

    Raises
    ------
    ValueError
        If there is not one target in range(classes) for each row of scores.

    Examples
    --------
    >>> import numpy as np
    >>> loss, d_scores = cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(loss, 6), d_scores
    (1.386294, array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    scores, targets = 1.0 * np.asarray(scores), np.asarray(targets)
    if targets.shape != scores.shape[:-1] or not targets.size:
        raise ValueError(f"expected targets of shape {scores.shape[:-1]}, got {targets.shape}")
    right = one_hot(targets, scores.shape[-1], dtype=bool)
    shifted = scores - scores.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    loss = -np.mean(log_p[right], dtype=np.float64)
    return float(loss), (np.exp(log_p) - right) / scores.dtype.type(targets.size)


def squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[float, np.ndarray]:
    """Mean squared error, and its gradient.

    ``L = mean (y - target)^2``,  ``dL/dy = 2 (y - target) / count``

    Parameters
    ----------
    outputs : ndarray of shape (...)
        What a network gives.
    targets : ndarray of shape (...)
        What it should give; of the same shape, but that a last axis of one may be missing.

    Returns
    -------
    loss : float
        Averaged over all numbers.
    d_outputs : ndarray of the shape of `outputs`
        dL/dy.

    Raises
    ------
    ValueError
        If the shapes differ or there is nothing to average.

    Examples
    --------
    >>> import numpy as np
    >>> squared_error(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]))
    (2.0, array([[ 0.],
           [-2.]]))
    """
    outputs, targets = 1.0 * np.asarray(outputs), np.asarray(targets)
    if targets.shape == outputs.shape[:-1] and outputs.shape[-1:] == (1,):
        targets = targets[..., None]
    if targets.shape != outputs.shape or not targets.size:
        raise ValueError(f"expected targets of shape {outputs.shape}, got {targets.shape}")
    error = outputs - targets.astype(outputs.dtype)
    loss = np.mean(np.square(error, dtype=np.float64))
    return float(loss), error * outputs.dtype.type(2 / error.size)
