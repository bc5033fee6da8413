"""Floating-point numbers: arrays of them, and squares that neither overflow nor underflow."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def as_floats(values: ArrayLike) -> np.ndarray:
    """The array itself if it holds floating-point numbers; others as float64.

    Parameters
    ----------
    values : array_like
        Numbers.

    Returns
    -------
    ndarray of floating-point numbers
    """
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(float)


def power_of_two(array: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    """A power of two, at most the largest modulus in an array and more than half of it.

    To divide by it rounds nothing, and the squares of the quotients, which reach from 1 to 4 at the
    largest, add up to a number that is neither zero nor infinite.

    Parameters
    ----------
    array : ndarray
        Numbers; if all are 0 any power will do.
    axis : tuple of int, optional
        Axes over which to take the largest; all if not given.

    Returns
    -------
    ndarray of float64
        The axes are kept, with one entry each, if any are given.

    Examples
    --------
    >>> import numpy as np
    >>> float(power_of_two(np.array([3.0, -5.0])))
    4.0
    """
    largest = np.max(np.abs(array), axis=axis, keepdims=axis is not None, initial=0)
    _, exponent = np.frexp(np.asarray(largest, np.float64))
    return np.asarray(np.ldexp(1.0, exponent - 1))
