"""Whole sequences with one answer each: the record of all tasks, and the simplest of them."""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np


class Sequences(NamedTuple):
    """Input sequences and their targets."""

    x: np.ndarray  #: (batch, time, features), or as the task says
    y: np.ndarray  #: targets; shape depends on the task


def sign_of_mean(sequences: int, rng: np.random.Generator, *, length: int = 50) -> Sequences:
    """Standard-normal sequences, labelled 1 where their mean is above 0.

    Parameters
    ----------
    sequences : int
        How many.
    rng : numpy.random.Generator
        Source of the values.
    length : int
        Number of time steps.

    Returns
    -------
    Sequences
        ``x`` of shape (sequences, length, 1) and ``y`` of shape (sequences,), both float64.

    Raises
    ------
    ValueError
        If there is not at least one sequence of at least one step.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = sign_of_mean(1000, np.random.default_rng(0))
    >>> x.shape, y.shape, bool(np.all((x.mean(axis=(1, 2)) > 0) == (y == 1)))
    ((1000, 50, 1), (1000,), True)
    """
    at_least(1, sequences=sequences, length=length)
    x = rng.normal(size=(sequences, length, 1))
    return Sequences(x, (x.mean(axis=(1, 2)) > 0).astype(float))


def at_least(least: int, **numbers: int) -> None:
    """Refuse what is below `least`, by name; what is not a whole number is a TypeError."""
    for name, number in numbers.items():
        if operator.index(number) < least:
            raise ValueError(f"expected {name} of at least {least}, got {number}")
