"""Train a cell with a linear readout: the smallest network that learns from sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from unrolled.bptt import Cache, backpropagate_through_time, unroll
from unrolled.cells import Cell
from unrolled.initializers import glorot_uniform
from unrolled.losses import squared_error
from unrolled.optimizers import Adam, clip_by_norm

Loss = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


class SequenceModel(NamedTuple):
    """A cell and an affine readout, ``y_t = h_t @ output_kernel + output_bias``.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import GRUCell
    >>> rng = np.random.default_rng(0)
    >>> cell = GRUCell.initialize(features=2, units=8, rng=rng)
    >>> model = SequenceModel.read_from(cell, outputs=1, rng=rng)
    >>> model.outputs(rng.normal(size=(5, 30, 2)))[0].shape
    (5, 1)
    """

    cell: Cell  #: reads the sequence
    output_kernel: np.ndarray  #: (units, outputs)
    output_bias: np.ndarray  #: (outputs,)
    every_step: bool = False  #: whether each h_t is read out, or the last alone

    @classmethod
    def read_from(
        cls, cell: Cell, outputs: int, rng: np.random.Generator, *, every_step: bool = False
    ) -> Self:
        """Put a Glorot-uniform readout with zero bias on a cell.

        Parameters
        ----------
        cell : Cell
            The cell; its weights are trained with those of the readout.
        outputs : int
            How many numbers are read out.
        rng : numpy.random.Generator
            Source of the weights.
        every_step : bool
            Whether each h_t is read out, or the last alone.

        Returns
        -------
        SequenceModel
        """
        kernel = glorot_uniform(cell.units, outputs, rng).astype(cell.dtype)
        return cls(cell, kernel, np.zeros(outputs, cell.dtype), every_step)

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        """The five weight arrays themselves, not copies, in the order of the gradients."""
        return (*self.cell.weights, self.output_kernel, self.output_bias)

    def outputs(
        self, x: ArrayLike, *, lengths: ArrayLike | None = None
    ) -> tuple[np.ndarray, Cache]:
        """What the readout says.

        Parameters
        ----------
        x : ndarray of shape (batch, time, features)
            Sequences, read from the zero state.
        lengths : ndarray of int of shape (batch,), optional
            How many steps of each are read.

        Returns
        -------
        outputs : ndarray of shape (batch, outputs) or (batch, time, outputs)
            After the last step read, or after every step.
        cache : Cache
            Of the unrolled cell.
        """
        states, cache = unroll(self.cell, x, lengths=lengths)
        h = states[..., : self.cell.units]
        h = h if self.every_step else h[:, -1]
        return h @ self.output_kernel + self.output_bias, cache

    def loss_and_gradients(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        loss: Loss = squared_error,
        lengths: ArrayLike | None = None,
    ) -> tuple[float, tuple[np.ndarray, ...], np.ndarray]:
        """Loss of a batch, its gradients by the weights, and by the states.

        Parameters
        ----------
        x : ndarray of shape (batch, time, features)
            Sequences.
        y : ndarray
            Targets, as the loss takes them.
        loss : callable
            From outputs and targets to the loss and its gradient by the outputs, such as
            `squared_error` and `cross_entropy`.
        lengths : ndarray of int of shape (batch,), optional
            How many steps of each sequence are read; where every step is read out, the loss is
            that of these alone.

        Returns
        -------
        loss : float
        gradients : tuple of ndarray
            One for each of `parameters`.
        d_states : ndarray of shape (batch, time, state_size)
            Total gradient with respect to every state.

        Raises
        ------
        FloatingPointError
            If the loss is not finite.
        ValueError
            If a shape does not fit, or what `unroll` and the loss refuse.
        """
        outputs, cache = self.outputs(x, lengths=lengths)
        targets, d_states = np.asarray(y), np.zeros_like(cache.states)
        steps: Any = np.s_[:, :] if self.every_step else np.s_[:, -1]
        if self.every_step and lengths is not None:  # padding does not count
            if targets.shape[:2] != outputs.shape[:2]:
                raise ValueError(f"expected targets for {outputs.shape[:2]}, got {targets.shape}")
            steps, outputs, targets = (cache.read,), outputs[cache.read], targets[cache.read]
        value, d_outputs = loss(outputs, targets)
        if not np.isfinite(value):
            raise FloatingPointError(f"expected a finite loss, got {value}")
        read_out = *steps, slice(self.cell.units)
        h = cache.states[read_out].reshape(-1, self.cell.units)
        d_states[read_out] = d_outputs @ self.output_kernel.T
        d_rows = d_outputs.reshape(len(h), -1)
        through_time = backpropagate_through_time(self.cell, cache, d_states)
        gradients = (*through_time.weights, h.T @ d_rows, d_rows.sum(axis=0))
        return value, gradients, through_time.states


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
    >>> model = SequenceModel.read_from(cell, 1, rng)
    >>> losses = train(model, lambda: adding_problem(32, rng, length=5), updates=1000,
    ...                learning_rate=0.01, solved=0.01)
    >>> len(losses) < 1000, bool(losses[-50:].mean() < 0.01)
    (True, True)
    """
    optimizer, losses = Adam(model.parameters, learning_rate=learning_rate), []
    for update in range(1, updates + 1):
        x, y = draw()
        try:
            value, gradients, _ = model.loss_and_gradients(x, y, loss=loss)
            clipped, _ = clip_by_norm(gradients, clip)
        except FloatingPointError as error:
            raise FloatingPointError(f"{error} at update {update}") from error
        losses.append(value)
        if update >= window and np.mean(losses[-window:]) < solved:
            break
        optimizer.update(clipped)
    return np.array(losses)
