"""Room for arrays, which is used again once nobody holds an array in it any more.

A system hands out memory page by page and clears each page first. For arrays of some hundred
kilobytes, as a training step makes and forgets them, that can take as long as to fill them.
"""

from __future__ import annotations

from collections import defaultdict
from math import prod

import numpy as np
from numpy.typing import DTypeLike

SMALL, LARGE = 2**17, 2**26  #: bytes; other arrays are left to NumPy
MOST = 2**27  #: bytes that may lie unused

_unused: defaultdict[int, list[np.ndarray]] = defaultdict(list)


class _Room:
    """Memory that comes back once the last array in it is gone."""

    def __init__(self, memory: np.ndarray) -> None:
        self.memory, self.__array_interface__ = memory, memory.__array_interface__

    # A default, since the names of a module are gone once the process ends.
    def __del__(self, unused: defaultdict[int, list[np.ndarray]] = _unused) -> None:
        idle = sum(size * len(rooms) for size, rooms in list(unused.items()))
        if idle + self.memory.size > MOST:
            unused.clear()
        unused[self.memory.size].append(self.memory)


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """An array that holds anything, as ``np.empty`` gives it.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        The type of its numbers.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from unrolled.memory import empty
    >>> empty((100, 200, 10), "float32").shape
    (100, 200, 10)
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if not SMALL <= size <= LARGE:
        return np.empty(shape, dtype)
    try:
        memory = _unused[size].pop()
    except IndexError:
        memory = np.empty(size, np.uint8)
    return np.asarray(_Room(memory)).view(dtype).reshape(shape)
