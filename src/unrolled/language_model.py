"""A recurrent language model of characters: draw its weights, sample from it, count its bits."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike

from unrolled.cells import SimpleRNNCell
from unrolled.losses import cross_entropy, one_hot, softmax
from unrolled.training import SequenceModel


def character_model(
    classes: int, units: int, rng: Generator, *, gain: float = 1.0, dtype: DTypeLike = np.float64
) -> SequenceModel:
    """Draw a model that knows nothing: with output weights of zero the loss is ln(classes).

    It reads one-hot characters, and gives scores of the next character after each of them. The
    recurrent weights are `gain` times a random orthogonal matrix. The input weights are uniform in
    (-1, 1): a one-hot vector has one entry that is not zero, so the Glorot range, which allows for
    a sum over all entries, would make every input faint.

    Parameters
    ----------
    classes, units : int
        Size of the vocabulary and of the state.
    rng : numpy.random.Generator
        Source of every random number.
    gain : float
        Factor on the recurrent weights.
    dtype : dtype
        Precision of the weights.

    Returns
    -------
    SequenceModel
        A SimpleRNN cell whose every state is read out; train it with `cross_entropy`.

    References
    ----------
    Elman (1990), "Finding structure in time", Cognitive Science 14(2).

    Examples
    --------
    >>> import numpy as np
    >>> model = character_model(classes=4, units=8, rng=np.random.default_rng(0))
    >>> scores, _ = model.outputs(one_hot([[0, 1, 2]], 4))
    >>> scores.shape
    (1, 3, 4)
    """
    cell = SimpleRNNCell.initialize(classes, units, rng, gain=gain, dtype=dtype)
    cell.kernel[...] = rng.uniform(-1, 1, cell.kernel.shape)
    readout = np.zeros((units, classes), dtype), np.zeros(classes, dtype)
    return SequenceModel(cell, *readout, every_step=True)


def sample(
    model: SequenceModel, prompt: ArrayLike, length: int, rng: Generator, *, temperature: float = 1
) -> np.ndarray:
    """Draw characters one at a time, each fed back as the next input.

    Parameters
    ----------
    model : SequenceModel
        Reads one-hot characters and gives a score to each of them.
    prompt : ndarray of int of shape (batch, time)
        Indices of the characters that are read first, from the zero state.
    length : int
        How many characters to draw.
    rng : numpy.random.Generator
        Source of the draws.
    temperature : float
        See `softmax`.

    Returns
    -------
    ndarray of int of shape (batch, length)
        Indices of the drawn characters; the prompt is not repeated.

    Raises
    ------
    ValueError
        If a character of the prompt is not in range(features of the cell).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> model = character_model(classes=4, units=8, rng=rng)
    >>> sample(model, [[0], [1]], 5, rng).shape
    (2, 5)
    """
    model = model._replace(every_step=False)  # the last scores are all that is needed
    characters, state = np.asarray(prompt), None
    drawn = np.empty((len(characters), length), int)
    for t in range(length):
        scores, cache = model.outputs(one_hot(characters, model.cell.features), state)
        cumulative = softmax(scores, temperature=temperature).cumsum(axis=-1)
        # Inverse transform: the first class whose cumulative probability exceeds the draw.
        draw = rng.random((len(drawn), 1)) * cumulative[:, -1:]
        drawn[:, t] = (cumulative[:, :-1] <= draw).sum(axis=-1)
        characters, state = drawn[:, t : t + 1], cache.states[:, -1]
    return drawn


def bits_per_character(model: SequenceModel, characters: ArrayLike, *, skip: int = 1) -> float:
    """Mean number of bits, -log2 of the probability, over ``characters[skip:]``.

    Parameters
    ----------
    model : SequenceModel
        Reads one-hot characters and gives a score to each of them.
    characters : ndarray of int of shape (time,)
        Indices of the characters of one text, read from the zero state.
    skip : int
        How many characters to read as context only; at least 1, as the first is not predicted.

    Returns
    -------
    float
        Cross-entropy in bits a character.

    Raises
    ------
    ValueError
        If `skip` leaves no context or nothing to predict, or a character is not in
        range(features of the cell).

    Examples
    --------
    >>> import numpy as np
    >>> model = character_model(classes=4, units=8, rng=np.random.default_rng(0))
    >>> bits_per_character(model, [0, 1, 2, 2, 3])
    2.0
    """
    characters = np.asarray(characters)
    if not 1 <= skip < len(characters):
        raise ValueError(f"expected 1 <= skip < {len(characters)}, got {skip}")
    x = one_hot(characters[None, :-1], model.cell.features)
    scores, _ = model._replace(every_step=True).outputs(x)
    loss, _ = cross_entropy(scores[:, skip - 1 :], characters[None, skip:])
    return loss / math.log(2)
