"""Words for how many of the runs did something, so that a sentence follows what was counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_SHARES = [(0.9, "nearly all"), (0.6, "most"), (0.4, "about half"), (0.1, "some")]


def counted(held: ArrayLike) -> str:
    """How many of the runs, to stand before a plural noun.

    Parameters
    ----------
    held : array_like of bool
        For each run, of any shape, whether what the sentence says held; at least one run.

    Returns
    -------
    str
        Numbers below ten are words if the total is.

    Raises
    ------
    ValueError
        If there is no run, or the values are not boolean.

    Examples
    --------
    >>> f"{counted([True] * 19 + [False])} networks learned it"
    '19 of the 20 networks learned it'
    >>> counted([True, True, True]), counted([True, True]), counted([False] * 20)
    ('all three', 'both', 'none of the 20')
    """
    count, total = _count(held)
    if count == total:
        return "both" if total == 2 else f"all {_number(total, total)}" if total > 1 else "the one"
    if count == 0:
        return f"{'neither' if total == 2 else 'none'} of the {_number(total, total)}"
    return f"{_number(count, total)} of the {_number(total, total)}"


def share(held: ArrayLike) -> str:
    """What share of the runs, as a word to stand before "of the".

    Parameters
    ----------
    held : array_like of bool
        For each run, of any shape, whether what the sentence says held; at least one run.

    Returns
    -------
    str
        "all"; "nearly all" from 90%, "most" from 60%, "about half" from 40%, "some" from 10%;
        "few" below that; "none".

    Raises
    ------
    ValueError
        If there is no run, or the values are not boolean.

    Examples
    --------
    >>> f"{share([True] * 13 + [False] * 7)} of the networks learned it"
    'most of the networks learned it'
    """
    count, total = _count(held)
    if count in (0, total):
        return "all" if count else "none"
    return next((word for least, word in _SHARES if count >= least * total), "few")


def _count(held: ArrayLike) -> tuple[int, int]:
    held = np.asarray(held)
    if held.dtype != bool or held.size == 0:
        raise ValueError(
            f"expected one boolean for each run; got {held.size} values of type {held.dtype}"
        )
    return int(held.sum()), held.size


def _number(count: int, total: int) -> str:
    return _NUMBERS[count] if total < 10 else str(count)
