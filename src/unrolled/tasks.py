"""Seeded data for the lectures: arrays that are small, exact in shape, and the same every time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Sequences(NamedTuple):
    """Input sequences and their targets."""

    x: np.ndarray  #: (batch, time, features)
    y: np.ndarray  #: targets; shape depends on the task


class Characters(NamedTuple):
    """A text as a next-character prediction task."""

    x: np.ndarray  #: one-hot characters, (1, time, size of vocabulary)
    y: np.ndarray  #: index of the character that comes next, (1, time)
    vocabulary: str  #: the distinct characters; position is index


def sign_of_mean(sequences, rng, *, length=50):
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

    Examples
    --------
    >>> import numpy as np
    >>> x, y = sign_of_mean(1000, np.random.default_rng(0))
    >>> x.shape, y.shape, bool(np.all((x.mean(axis=(1, 2)) > 0) == (y == 1)))
    ((1000, 50, 1), (1000,), True)
    """
    x = rng.normal(size=(sequences, length, 1))
    return Sequences(x, (x.mean(axis=(1, 2)) > 0).astype(float))


def next_character(text, vocabulary=None):
    """Turn a text into one sequence: read a character, predict the one that follows.

    Parameters
    ----------
    text : str
        At least two characters.
    vocabulary : str, optional
        The characters in the order of their indices; by default those of `text`, in order of first
        appearance.

    Returns
    -------
    Characters
        One-hot inputs for all characters but the last, and the indices of all but the first.

    Raises
    ------
    ValueError
        If the text is too short or holds a character that is not in the vocabulary.

    Examples
    --------
    >>> x, y, vocabulary = next_character("hello")
    >>> vocabulary, x.shape, y
    ('helo', (1, 4, 4), array([[1, 2, 2, 3]]))
    """
    if len(text) < 2:
        raise ValueError(f"expected a text of at least two characters, got {text!r}")
    vocabulary = vocabulary or "".join(dict.fromkeys(text))
    unknown = sorted(set(text) - set(vocabulary))
    if unknown:
        raise ValueError(f"expected characters of {vocabulary!r} only, got {unknown}")
    position = {character: i for i, character in enumerate(vocabulary)}
    index = np.array([position[character] for character in text])
    return Characters(np.eye(len(vocabulary))[index[None, :-1]], index[None, 1:], vocabulary)
