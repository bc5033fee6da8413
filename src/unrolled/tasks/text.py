"""Text as data: characters as one-hot inputs, and long texts cut into streams."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrolled.tasks.sequences import Sequences


class Characters(NamedTuple):
    """A text as a next-character prediction task."""

    x: np.ndarray  #: one-hot characters, (1, time, size of vocabulary)
    y: np.ndarray  #: index of the character that comes next, (1, time)
    vocabulary: str  #: the distinct characters; position is index


def next_character(text: str) -> Characters:
    """Turn a text into one sequence: read a character, predict the one that follows.

    Parameters
    ----------
    text : str
        At least two characters.

    Returns
    -------
    Characters
        One-hot inputs for all characters but the last, the indices of all but the first, and the
        vocabulary, in order of first appearance.

    Raises
    ------
    ValueError
        If the text is too short.

    Examples
    --------
    >>> x, y, vocabulary = next_character("hello")
    >>> vocabulary, x.shape, y
    ('helo', (1, 4, 4), array([[1, 2, 2, 3]]))
    """
    if len(text) < 2:
        raise ValueError(f"expected a text of at least two characters, got {text!r}")
    vocabulary = "".join(dict.fromkeys(text))
    index = np.array([vocabulary.index(character) for character in text])
    return Characters(np.eye(len(vocabulary))[index[None, :-1]], index[None, 1:], vocabulary)


def parallel_streams(characters: np.ndarray, *, streams: int, steps: int) -> Sequences:
    """Cut a long text into streams that are read side by side, a few steps at a time.

    Each piece goes on where the one before it stopped, stream by stream, so that a state can be
    carried from piece to piece.

    Parameters
    ----------
    characters : ndarray of int of shape (length,)
        Indices of the characters of the text.
    streams : int
        How many equal parts are read at once: the batch size.
    steps : int
        Length of a piece.

    Returns
    -------
    Sequences
        Input and target indices, both of shape (pieces, streams, steps). Characters at the end of
        a stream that do not fill a piece are left out.

    Raises
    ------
    ValueError
        If the text does not fill one piece, or there is no stream or no step.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = parallel_streams(np.arange(13), streams=2, steps=3)
    >>> x.tolist()
    [[[0, 1, 2], [6, 7, 8]], [[3, 4, 5], [9, 10, 11]]]
    >>> bool(np.all(y == x + 1))
    True
    """
    if min(streams, steps) < 1:
        raise ValueError(f"expected at least one stream and one step, got {streams} and {steps}")
    pieces = (len(characters) - 1) // (streams * steps)
    if pieces < 1:
        raise ValueError(
            f"expected more than streams * steps = {streams * steps} characters, "
            f"got {len(characters)}"
        )
    used = pieces * streams * steps
    x, y = (
        np.asarray(part).reshape(streams, pieces, steps).swapaxes(0, 1)
        for part in (characters[:used], characters[1 : used + 1])
    )
    return Sequences(x, y)
