"""How many threads a matrix product may use: one where it is small."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Lock
from typing import Any

#: Multiplications from which on a product keeps its threads: those of about 1 ms on one thread.
#: Threads meet at the end of every product. On a machine that has other work to do as well, the
#: last one comes milliseconds late, and a small product takes many times as long as on one thread.
LARGE = 2**26


def threads_for(multiplications: int) -> AbstractContextManager[None]:
    """Leave one thread to the matrix products inside if each of them is small.

    Parameters
    ----------
    multiplications : int
        How many of them one product takes: of its three sizes the product.

    Returns
    -------
    context manager

    Examples
    --------
    >>> import numpy as np
    >>> small = np.ones((8, 8))
    >>> with threads_for(8 * 8 * 8):
    ...     product = small @ small
    """
    return nullcontext() if multiplications >= LARGE else _one_thread


class _OneThread(AbstractContextManager[None]):
    """The limit belongs to the whole process: the first one in sets it, the last one out ends it.

    What is put back is what was set before, by whomever; who sets another limit meanwhile is heard.
    """

    def __init__(self) -> None:
        self.lock, self.inside = Lock(), 0
        self.before: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.before = [(library, library.get_num_threads()) for library in _libraries()]
                self._change(1)

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self._change()

    def _change(self, limit: int | None = None) -> None:
        for library, threads in self.before:
            if threads > 1 and (limit == 1 or library.get_num_threads() == 1):
                library.set_num_threads(limit or threads)


_one_thread = _OneThread()


@cache
def _libraries() -> tuple[Any, ...]:
    """The BLAS that NumPy has loaded; the search takes a moment, and is made once."""
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:  # then nothing is limited
        return ()
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)
