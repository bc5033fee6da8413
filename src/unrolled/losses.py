"""Losses and their gradients: how far an output is from its target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unrolled.floats import as_floats


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
    scores = as_floats(scores)
    # Subtracting the maximum changes no probability and keeps exp from overflowing.
    shifted = scores - scores.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # -inf where the temperature is tiny
        exponentials: np.ndarray = np.exp(shifted / temperature)
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


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
    scores, targets = as_floats(scores), np.asarray(targets)
    if targets.shape != scores.shape[:-1] or not targets.size:
        raise ValueError(f"expected targets of shape {scores.shape[:-1]}, got {targets.shape}")
    check_classes("targets", targets, scores.shape[-1])
    shifted = scores - scores.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    right = targets[..., None]
    loss = np.mean(log_sum - np.take_along_axis(shifted, right, axis=-1), dtype=np.float64)
    d_scores = np.exp(shifted - log_sum)
    np.put_along_axis(d_scores, right, np.take_along_axis(d_scores, right, axis=-1) - 1, axis=-1)
    return float(loss), d_scores / scores.dtype.type(targets.size)


def check_classes(name: str, indices: np.ndarray, classes: int) -> None:
    """Refuse what are no indices of classes, by a ValueError that says what they are called."""
    if indices.dtype.kind not in "iu":
        raise ValueError(f"expected indices of classes as integers, got {indices.dtype}")
    if indices.size and not 0 <= indices.min() <= indices.max() < classes:
        raise ValueError(
            f"expected {name} in range({classes}), got {indices.min()} to {indices.max()}"
        )


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
    outputs, targets = as_floats(outputs), np.asarray(targets)
    if targets.shape == outputs.shape[:-1] and outputs.shape[-1:] == (1,):
        targets = targets[..., None]
    if targets.shape != outputs.shape or not targets.size:
        raise ValueError(f"expected targets of shape {outputs.shape}, got {targets.shape}")
    error = outputs - targets.astype(outputs.dtype)
    loss = np.mean(np.square(error, dtype=np.float64))
    return float(loss), error * outputs.dtype.type(2 / error.size)
