"""A network of a cell, an affine readout and a loss: its gradients, and how to train it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from unrolled.bptt import Cache, backpropagate_through_time, unroll
from unrolled.cells import Cell
from unrolled.cells.initializers import glorot_uniform
from unrolled.losses import squared_error
from unrolled.optimizers import Adam, clip_by_norm

# From outputs and targets to the loss and its gradient with respect to the outputs.
Loss = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]
Arrays = tuple[np.ndarray, ...]  # one for each of the parameters of a model


class LossAndGradients(NamedTuple):
    """The loss of a batch, its gradients, and the state from which the next batch can go on."""

    loss: float  #: as the loss function averages it
    gradients: Arrays  #: one for each of the parameters of the model
    d_states: np.ndarray  #: total gradient with respect to every state, (batch, time, state_size)
    state: np.ndarray  #: the last state, (batch, state_size)


class SequenceModel(NamedTuple):
    """A cell and an affine readout of its states, ``y_t = h_t @ output_kernel + output_bias``.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import GRUCell
    >>> rng = np.random.default_rng(0)
    >>> cell = GRUCell.initialize(features=2, units=8, rng=rng)
    >>> model = SequenceModel.initialize(cell, outputs=1, rng=rng)
    >>> outputs, _ = model.outputs(rng.normal(size=(5, 30, 2)))
    >>> outputs.shape
    (5, 1)
    """

    cell: Cell  #: reads the sequence
    output_kernel: np.ndarray  #: W_hy, (units, outputs)
    output_bias: np.ndarray  #: b_y, (outputs,)
    every_step: bool = False  #: whether y_t is computed at every step, or at the last alone

    @classmethod
    def initialize(
        cls, cell: Cell, outputs: int, rng: np.random.Generator, *, every_step: bool = False
    ) -> Self:
        """Put a Glorot-uniform readout with zero bias on a cell.

        Parameters
        ----------
        cell : Cell
            The cell itself, not a copy: its weights are trained with those of the readout.
        outputs : int
            How many numbers are read out of a state.
        rng : numpy.random.Generator
            Source of the output weights.
        every_step : bool
            Whether every state is read out, or the last alone.

        Returns
        -------
        SequenceModel
        """
        kernel = glorot_uniform(cell.units, outputs, rng).astype(cell.dtype)
        return cls(cell, kernel, np.zeros(outputs, cell.dtype), every_step)

    @property
    def parameters(self) -> Arrays:
        """The five weight arrays themselves, not copies, in the order of the gradients."""
        return (*self.cell.weights, self.output_kernel, self.output_bias)

    def outputs(
        self, x: ArrayLike, state: ArrayLike | None = None, *, lengths: ArrayLike | None = None
    ) -> tuple[np.ndarray, Cache]:
        """Forward pass: unroll the cell and read out its states.

        Parameters
        ----------
        x : ndarray of shape (batch, time, features)
            Input sequences.
        state : ndarray of shape (batch, state_size), optional
            The state before the first step; zeros if not given.
        lengths : ndarray of int of shape (batch,), optional
            How many steps of each sequence are read; all if not given.

        Returns
        -------
        outputs : ndarray of shape (batch, outputs) or (batch, time, outputs)
            Read out of the last state, or of every state.
        cache : Cache
            Of the unrolled cell; ``cache.states[:, -1]`` is the state from which to go on.

        Raises
        ------
        ValueError
            If a shape does not fit, or a value is not finite.
        """
        states, cache = unroll(self.cell, x, state, lengths=lengths)
        return states[self._read_out] @ self.output_kernel + self.output_bias, cache

    def backpropagate(self, cache: Cache, d_outputs: np.ndarray) -> tuple[Arrays, np.ndarray]:
        """Backward pass: through the readout, then through time.

        Parameters
        ----------
        cache : Cache
            The second result of `outputs`.
        d_outputs : ndarray of the shape of the outputs
            Gradient of the loss with respect to them.

        Returns
        -------
        gradients : tuple of ndarray
            One for each of `parameters`.
        d_states : ndarray of shape (batch, time, state_size)
            Total gradient with respect to every state.
        """
        d_states = np.zeros_like(cache.states)
        d_states[self._read_out] = d_outputs @ self.output_kernel.T
        through_time = backpropagate_through_time(self.cell, cache, d_states)
        h = cache.states[self._read_out].reshape(-1, self.cell.units)
        d_y = d_outputs.reshape(len(h), -1)
        return (*through_time.weights, h.T @ d_y, d_y.sum(axis=0)), through_time.states

    def loss_and_gradients(
        self,
        x: ArrayLike,
        y: ArrayLike,
        state: ArrayLike | None = None,
        *,
        loss: Loss = squared_error,
        lengths: ArrayLike | None = None,
    ) -> LossAndGradients:
        """Loss of a batch, and its gradients with respect to all weights and states.

        No gradient flows back into `state`: called piece by piece, each with the last state of the
        piece before it, this is truncated backpropagation through time.

        Parameters
        ----------
        x : ndarray of shape (batch, time, features)
            Input sequences.
        y : ndarray
            Targets, as the loss takes them.
        state : ndarray of shape (batch, state_size), optional
            The state before the first step; zeros if not given.
        loss : callable
            From outputs and targets to the loss and its gradient with respect to the outputs, such
            as `squared_error` and `cross_entropy`.
        lengths : ndarray of int of shape (batch,), optional
            How many steps of each sequence are read. Where every step is read out, the loss gets
            the rows of these steps only, of shape (steps, outputs), and their targets.

        Returns
        -------
        LossAndGradients

        Raises
        ------
        FloatingPointError
            If the loss is not finite.
        ValueError
            If a shape does not fit, a value is not finite, or the loss refuses the targets.
        IndexError
            If every step is read out of sequences with `lengths`, and the targets lack a step.

        Examples
        --------
        >>> import numpy as np
        >>> from unrolled import SimpleRNNCell
        >>> cell = SimpleRNNCell.initialize(features=2, units=8, rng=np.random.default_rng(0))
        >>> model = SequenceModel(cell, np.zeros((8, 1)), np.zeros(1))
        >>> loss, gradients, d_states, state = model.loss_and_gradients(
        ...     np.ones((5, 30, 2)), np.full(5, 3.0))
        >>> loss, d_states.shape, state.shape
        (9.0, (5, 30, 8), (5, 8))
        """
        outputs, cache = self.outputs(x, state, lengths=lengths)
        padded = self.every_step and lengths is not None
        counted, d_outputs = cache.read if padded else ..., np.zeros_like(outputs)
        value, d_outputs[counted] = loss(outputs[counted], np.asarray(y)[counted])
        if not np.isfinite(value):
            raise FloatingPointError(f"expected a finite loss, got {value}")
        return LossAndGradients(value, *self.backpropagate(cache, d_outputs), cache.states[:, -1])

    @property
    def _read_out(self) -> Any:
        """Index into the states, (batch, time, state_size), of the h_t that are read out."""
        return np.s_[:, slice(None) if self.every_step else -1, : self.cell.units]


def train(
    model: SequenceModel,
    draw: Callable[[], tuple[np.ndarray, np.ndarray]],
    *,
    updates: int,
    learning_rate: float = 1e-3,
    clip: float = 1.0,
    loss: Loss = squared_error,
    solved: float = -np.inf,
    window: int = 50,
) -> np.ndarray:
    """Train with Adam on fresh batches, in place, with gradients clipped by their common norm.

    Parameters
    ----------
    model : SequenceModel
        Its weights are changed.
    draw : callable
        Gives the next batch: sequences and targets.
    updates : int
        The most updates to make.
    learning_rate : float
        Of Adam.
    clip : float
        Largest norm of the gradient that is let through; ``np.inf`` lets everything through.
    loss : callable
        As `SequenceModel.loss_and_gradients` takes it.
    solved : float
        Stop as soon as the mean loss of the last `window` batches is below this.
    window : int
        How many batches that mean is over.

    Returns
    -------
    ndarray of shape (batches drawn,)
        Loss of every batch before its update; the batch after which training stops, since the task
        is solved, needs none.

    Raises
    ------
    FloatingPointError
        If the loss or its gradient is no longer finite; the weights are those that gave it.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell
    >>> from unrolled.tasks import adding_problem
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(2, 16, rng, recurrent="identity", activation="relu")
    >>> model = SequenceModel.initialize(cell, 1, rng)
    >>> losses = train(model, lambda: adding_problem(32, rng, length=5), updates=1000,
    ...                learning_rate=0.01, solved=0.01)
    >>> len(losses) < 1000, bool(losses[-50:].mean() < 0.01)
    (True, True)
    """
    optimizer, losses = Adam(model.parameters, learning_rate=learning_rate), []
    for update in range(1, updates + 1):
        try:
            batch = model.loss_and_gradients(*draw(), loss=loss)
            clipped, _ = clip_by_norm(batch.gradients, clip)
        except FloatingPointError as error:
            raise FloatingPointError(f"{error} at update {update}") from error
        losses.append(batch.loss)
        if update >= window and np.mean(losses[-window:]) < solved:
            break
        optimizer.update(clipped)
    return np.array(losses)
