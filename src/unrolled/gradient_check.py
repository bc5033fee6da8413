"""Check a gradient against central differences. Takes any function; knows nothing of networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


def central_difference(
    function: Callable[[np.ndarray], float], x: ArrayLike, *, epsilon: float = 1e-3
) -> np.ndarray:
    """Gradient of a scalar function by a five-point central difference, one entry at a time.

    ``f'(x) = (8 [f(x+e) - f(x-e)] - [f(x+2e) - f(x-2e)]) / (12 e) + O(e^4)``

    Parameters
    ----------
    function : callable
        Takes an array of the shape of `x`, returns a number. It must be smooth around `x`: no
        kink, as of a ReLU, within two steps.
    x : ndarray of float64
        Where to differentiate; any shape. Not changed.
    epsilon : float
        Step, scaled by ``max(1, abs(x))`` for each entry. With the default both the truncation
        error and the rounding error are near 1e-13 for a function of order 1.

    Returns
    -------
    ndarray
        df/dx, of the shape of `x`.

    Raises
    ------
    ValueError
        If `x` is not float64 (in float32 the rounding error would drown the result), or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> central_difference(lambda v: float(np.sum(v**3)), np.array([1.0, 2.0])).round(9)
    array([ 3., 12.])
    """
    x = np.asarray(x)
    if x.dtype != np.float64 or x.size == 0:
        raise ValueError(f"expected x to be float64 and not empty, got {x.dtype} {x.shape}")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = epsilon * max(1.0, float(abs(x[index])))
        near = function(x + step) - function(x - step)
        far = function(x + 2 * step) - function(x - 2 * step)
        gradient[index] = (8 * near - far) / (12 * step[index])
    return gradient


def relative_error(a: ArrayLike, b: ArrayLike) -> float:
    """Distance of two arrays over the larger of their norms: 0 if equal, at most 2.

    Parameters
    ----------
    a, b : ndarray
        Arrays of one shape. The norm is Euclidean over all entries.

    Returns
    -------
    float
        ``norm(a - b) / max(norm(a), norm(b))``; 0 if both are zero, NaN if either holds a NaN.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.5])) < 0.1
    True
    """
    left, right = np.asarray(a), np.asarray(b)
    if left.shape != right.shape:
        raise ValueError(f"expected two arrays of one shape, got {left.shape} and {right.shape}")
    parts = left, right, np.subtract(left, right, dtype=float)
    # By hypot, which squares nothing: the squares of tiny numbers would be 0.
    *norms, distance = (np.hypot.reduce(part, axis=None, dtype=float) for part in parts)
    largest = np.maximum(*norms)  # NaN if either is
    return 0.0 if largest == 0 else float(distance / largest)


def gradient_check(
    function: Callable[[np.ndarray], float],
    gradient: ArrayLike,
    x: ArrayLike,
    *,
    tolerance: float = 1e-7,
) -> float:
    """Raise unless `gradient` is the gradient of `function` at `x`.

    Parameters
    ----------
    function : callable
        Takes an array of the shape of `x`, returns a number.
    gradient : ndarray
        The gradient to check, of the shape of `x`.
    x : ndarray of float64
        Where it was computed.
    tolerance : float
        Largest relative error that passes. It is an error of the whole array: check entries of
        very different size, such as the gradients of early and late steps, one call each.

    Returns
    -------
    float
        The relative error against central differences.

    Raises
    ------
    AssertionError
        If the relative error is above `tolerance`, or NaN; the message names the worst entry with
        both of its values.
    ValueError
        If `gradient` does not have the shape of `x`, or `x` is empty or not float64.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 2.0])
    >>> gradient_check(lambda v: float(v @ v), 2 * x, x) < 1e-7
    True
    """
    gradient, numeric = np.asarray(gradient), central_difference(function, x)
    error = relative_error(gradient, numeric)
    if not error <= tolerance:  # also catches NaN
        difference = np.abs(gradient - numeric)
        worst = tuple(map(int, np.unravel_index(np.argmax(difference), difference.shape)))
        raise AssertionError(
            f"gradient is off by a relative error of {error:.2e} (tolerance {tolerance:.0e}): "
            f"worst at {worst}, where it is {gradient[worst]:.8g} and the central difference is "
            f"{numeric[worst]:.8g}"
        )
    return error
