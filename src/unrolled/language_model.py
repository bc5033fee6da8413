"""A recurrent language model: characters in, a distribution over the next character out."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.bptt import Cache, backpropagate_through_time, unroll
from unrolled.cells import SimpleRNNCell
from unrolled.losses import check_classes, cross_entropy, softmax


class LanguageModel(NamedTuple):
    """An Elman cell and an output layer, ``y_t = h_t @ output_kernel + output_bias``.

    Inputs and targets are character indices; the one-hot vectors are made inside.

    References
    ----------
    Elman (1990), "Finding structure in time", Cognitive Science 14(2).

    Examples
    --------
    >>> import numpy as np
    >>> model = LanguageModel.initialize(classes=4, units=8, rng=np.random.default_rng(0))
    >>> model.scores(np.array([[0, 1, 2]]))[0].shape
    (1, 3, 4)
    """

    cell: SimpleRNNCell  #: reads one-hot characters; features = classes
    output_kernel: np.ndarray  #: W_hy, (units, classes)
    output_bias: np.ndarray  #: b_y, (classes,)

    @classmethod
    def initialize(
        cls,
        classes: int,
        units: int,
        rng: np.random.Generator,
        *,
        gain: float = 1.0,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """Draw a model that knows nothing: with output weights of zero the loss is ln(classes).

        The recurrent weights are `gain` times a random orthogonal matrix. The input weights are
        uniform in (-1, 1): a one-hot vector has one entry that is not zero, so the Glorot range,
        which allows for a sum over all entries, would make every input faint.

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
        LanguageModel
        """
        cell = SimpleRNNCell.initialize(classes, units, rng, gain=gain, dtype=dtype)
        cell.kernel[...] = rng.uniform(-1, 1, cell.kernel.shape)
        return cls(cell, np.zeros((units, classes), dtype), np.zeros(classes, dtype))

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        """The five weight arrays themselves, not copies, in the order of the gradients."""
        return (*self.cell.weights, self.output_kernel, self.output_bias)

    def scores(
        self, characters: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[np.ndarray, Cache]:
        """Scores of the next character after every character of a text.

        Parameters
        ----------
        characters : ndarray of int of shape (batch, time)
            Indices of the characters read.
        state : ndarray of shape (batch, units), optional
            The state before the first of them; zeros if not given.

        Returns
        -------
        scores : ndarray of shape (batch, time, classes)
            y_t.
        cache : unrolled.bptt.Cache
            Of the unrolled cell; ``cache.states[:, -1]`` is the state to go on from.

        Raises
        ------
        ValueError
            If a character is not in range(classes).
        """
        characters = np.asarray(characters)
        check_classes("characters", characters, self.cell.features)
        one_hot = np.eye(self.cell.features, dtype=self.cell.dtype)
        states, cache = unroll(self.cell, one_hot[characters], state)
        return states @ self.output_kernel + self.output_bias, cache

    def loss_and_gradients(
        self, characters: np.ndarray, targets: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[float, tuple[np.ndarray, ...], np.ndarray]:
        """Mean cross-entropy of one piece of text, and its gradients.

        No gradient flows out of the piece into `state`: called piece by piece with the state
        carried over, this is truncated backpropagation through time.

        Parameters
        ----------
        characters, targets : ndarray of int of shape (batch, time)
            What is read at each step and what comes next.
        state : ndarray of shape (batch, units), optional
            The state before the first character; zeros if not given.

        Returns
        -------
        loss : float
            In nats a character.
        gradients : tuple of ndarray
            One for each of `parameters`.
        state : ndarray of shape (batch, units)
            The state after the last character.
        """
        scores, cache = self.scores(characters, state)
        loss, d_scores = cross_entropy(scores, targets)
        through_time = backpropagate_through_time(self.cell, cache, d_scores @ self.output_kernel.T)
        d_kernel = np.tensordot(cache.states, d_scores, axes=([0, 1], [0, 1]))
        gradients = (*through_time.weights, d_kernel, d_scores.sum(axis=(0, 1)))
        return loss, gradients, cache.states[:, -1]

    def sample(
        self,
        prompt: np.ndarray,
        length: int,
        rng: np.random.Generator,
        *,
        temperature: float = 1.0,
    ) -> np.ndarray:
        """Draw characters one at a time, each fed back as the next input.

        Parameters
        ----------
        prompt : ndarray of int of shape (batch, time)
            Indices that are read first, from the zero state.
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

        Examples
        --------
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> model = LanguageModel.initialize(classes=4, units=8, rng=rng)
        >>> model.sample(np.array([[0], [1]]), 5, rng).shape
        (2, 5)
        """
        characters, state = np.asarray(prompt), None
        drawn = np.empty((len(characters), length), int)
        for t in range(length):
            scores, cache = self.scores(characters, state)
            cumulative = softmax(scores[:, -1], temperature=temperature).cumsum(axis=-1)
            # Inverse transform: the first class whose cumulative probability exceeds the draw.
            draw = rng.random((len(drawn), 1)) * cumulative[:, -1:]
            drawn[:, t] = (cumulative[:, :-1] <= draw).sum(axis=-1)
            characters, state = drawn[:, t : t + 1], cache.states[:, -1]
        return drawn

    def bits_per_character(self, characters: np.ndarray, *, skip: int = 0) -> float:
        """Mean number of bits, -log2 of the probability, over ``characters[skip:]``.

        Parameters
        ----------
        characters : ndarray of int of shape (time,)
            One text, read from the zero state.
        skip : int
            How many characters to read as context only; at least 1, as the first is not predicted.

        Returns
        -------
        float
            Cross-entropy in bits a character.

        Raises
        ------
        ValueError
            If `skip` leaves no context or nothing to predict.

        Examples
        --------
        >>> import numpy as np
        >>> model = LanguageModel.initialize(classes=4, units=8, rng=np.random.default_rng(0))
        >>> model.bits_per_character(np.array([0, 1, 2, 2, 3]), skip=1)
        2.0
        """
        if not 1 <= skip < len(characters):
            raise ValueError(f"expected 1 <= skip < {len(characters)}, got {skip}")
        scores, _ = self.scores(characters[None, :-1])
        loss, _ = cross_entropy(scores[:, skip - 1 :], characters[None, skip:])
        return loss / math.log(2)
