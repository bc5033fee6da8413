"""A recurrent forecaster: reads a series, says how it goes on, and may read its own words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrolled.bptt import Cache, backpropagate_through_time, unroll
from unrolled.cells import Cell


class Forecaster(NamedTuple):
    """A recurrent cell that foretells the change of a series: ``y_t = x_t + h_t @ kernel + bias``.

    y_t is the forecast of x_{t+1}. The network only adds to *persistence*, the forecast that
    nothing changes, which is what it starts from. Series are arrays of shape (batch, time).

    References
    ----------
    Williams and Zipser (1989), "A learning algorithm for continually running fully recurrent neural
    networks", Neural Computation 1(2), on teacher forcing.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell
    >>> cell = SimpleRNNCell.initialize(features=1, units=8, rng=np.random.default_rng(0))
    >>> model = Forecaster.initialize(cell)
    >>> model.forecast(np.array([[1.0, 2.0, 4.0]]))[0], model.free_run(np.array([[4.0]]), 2)
    (array([[1., 2., 4.]]), array([[4., 4.]]))
    """

    cell: Cell  #: reads one feature
    output_kernel: np.ndarray  #: W_hy, (units, 1)
    output_bias: np.ndarray  #: b_y, (1,)

    @classmethod
    def initialize(cls, cell: Cell) -> Forecaster:
        """Put output weights of zero on a cell.

        Parameters
        ----------
        cell : Cell
            With one feature; it is used, not copied.

        Returns
        -------
        Forecaster

        Raises
        ------
        ValueError
            If the cell does not read one feature.
        """
        if cell.features != 1:
            raise ValueError(f"expected a cell with 1 feature, got {cell.features}")
        return cls(cell, np.zeros((cell.units, 1), cell.dtype), np.zeros(1, cell.dtype))

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        """The five weight arrays themselves, not copies, in the order of the gradients."""
        return (*self.cell.weights, self.output_kernel, self.output_bias)

    def forecast(
        self, x: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Foretell the next value at every step, each time from the true past.

        Parameters
        ----------
        x : ndarray of shape (batch, time)
            The series.
        state : ndarray of shape (batch, size of the state), optional
            The state before the first value; zeros if not given.

        Returns
        -------
        forecasts : ndarray of shape (batch, time)
            ``forecasts[:, t]`` is for the value after ``x[:, t]``.
        states : ndarray of shape (batch, time, size of the state)
            The state after each step, to go on from.
        """
        states, _ = unroll(self.cell, np.asarray(x)[..., None], state)
        return self._read_out(x, states), states

    def free_run(self, x: np.ndarray, steps: int, state: np.ndarray | None = None) -> np.ndarray:
        """Read a series, then go on alone: each forecast is the next input.

        Parameters
        ----------
        x : ndarray of shape (batch, time)
            What is read first.
        steps : int
            How many values to foretell, at least 1.
        state : ndarray of shape (batch, size of the state), optional
            The state before the first value; zeros if not given.

        Returns
        -------
        ndarray of shape (batch, steps)
            Column k - 1 is the forecast k steps after the last value read.

        Raises
        ------
        ValueError
            If there is no step to foretell.
        """
        if steps < 1:
            raise ValueError(f"expected steps of at least 1, got {steps}")
        run = []
        for _ in range(steps):
            forecasts, states = self.forecast(x, state)
            x, state = forecasts[:, -1:], states[:, -1]
            run.append(x)
        return np.concatenate(run, axis=1)

    def loss_and_gradients(
        self, x: np.ndarray, targets: np.ndarray, *, read: int | None = None, skip: int = 0
    ) -> tuple[float, tuple[np.ndarray, ...]]:
        """Mean squared error of forecasts, and its gradients.

        The first `read` inputs are true values: *teacher forcing*. After them the network reads its
        own forecasts, and the gradient flows back through these as well.

        Parameters
        ----------
        x, targets : ndarray of shape (batch, time)
            The series, and the value that follows each of its values.
        read : int, optional
            How many true values are read, at least 1; by default all of them.
        skip : int
            How many forecasts at the start are left out of the loss.

        Returns
        -------
        loss : float
            Mean over the batch and the steps that count.
        gradients : tuple of ndarray
            One for each of `parameters`.

        Raises
        ------
        ValueError
            If the shapes differ, or `read` or `skip` leaves nothing to read or to foretell.
        """
        x, targets = np.asarray(x), np.asarray(targets)
        time = x.shape[-1]
        read = time if read is None else read
        if x.ndim != 2 or x.shape != targets.shape:
            raise ValueError(
                f"expected x and targets of one shape (batch, time), got {x.shape}, {targets.shape}"
            )
        if not (1 <= read <= time and 0 <= skip < time):
            raise ValueError(
                f"expected 1 <= read <= {time} and 0 <= skip < {time}, got {read} and {skip}"
            )
        pieces = self._run(x[:, :read], time - read)
        errors = np.concatenate([forecasts for forecasts, _, _ in pieces], axis=1) - targets
        errors[:, :skip] = 0
        count = errors[:, skip:].size
        return float(np.sum(errors**2) / count), self._gradients(pieces, 2 / count * errors)

    def _read_out(self, x: np.ndarray, states: np.ndarray) -> np.ndarray:
        h = states[..., : self.cell.units]  # the state of an LSTM is (h, c)
        forecasts: np.ndarray = x + (h @ self.output_kernel)[..., 0] + self.output_bias
        return forecasts

    def _run(self, x: np.ndarray, alone: int) -> list[tuple[np.ndarray, np.ndarray, Cache]]:
        """Forecasts, states and cache: of all true values at once, then of each own one."""
        pieces: list[tuple[np.ndarray, np.ndarray, Cache]] = []
        state = None
        for _ in range(1 + alone):
            states, cache = unroll(self.cell, x[..., None], state)
            pieces.append((self._read_out(x, states), states, cache))
            x, state = pieces[-1][0][:, -1:], states[:, -1]
        return pieces

    def _gradients(
        self, pieces: list[tuple[np.ndarray, np.ndarray, Cache]], d_forecasts: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        total = tuple(np.zeros_like(w) for w in self.parameters)
        units, end = self.cell.units, d_forecasts.shape[1]
        d_state: np.ndarray | float = 0.0  # what later pieces send back to the last state,
        d_input: np.ndarray | float = 0.0  # and to the last forecast, which they read
        for forecasts, states, cache in reversed(pieces):
            start = end - forecasts.shape[1]
            d_y = d_forecasts[:, start:end].copy()
            d_y[:, -1] += d_input
            d_states = np.zeros_like(states)
            d_states[..., :units] = d_y[..., None] * self.output_kernel[:, 0]
            d_states[:, -1] += d_state
            part = backpropagate_through_time(self.cell, cache, d_states)
            d_kernel = np.tensordot(states[..., :units], d_y, axes=([0, 1], [0, 1]))[:, None]
            for sum_, share in zip(total, (*part.weights, d_kernel, d_y.sum()), strict=True):
                sum_ += share
            d_state, d_input = part.initial_state, part.inputs[:, 0, 0] + d_y[:, 0]
            end = start
        return total
