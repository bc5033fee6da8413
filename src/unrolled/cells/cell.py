"""What every recurrent cell is: three weight arrays, a step forward, a step back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from unrolled.cells.initializers import glorot_uniform, recurrent_matrix

Pair = tuple[np.ndarray, np.ndarray]  #: what a step returns, and a step back


@dataclass(frozen=True, eq=False)
class Cell(ABC):
    """What every recurrent cell is: three weight arrays, a step forward and a step back.

    A new type of cell is a subclass that defines `step` and `step_back`, and says how wide its
    arrays are (`blocks`, `gates`, `parts`). Everything that loops over time then works with it.

    Parameters
    ----------
    kernel : ndarray of shape (features, blocks * units)
        Input weights, one block of columns for each gate.
    recurrent_kernel : ndarray of shape (units, blocks * units)
        State-to-state weights.
    bias : ndarray of shape (blocks * units,)
        Bias.

    Raises
    ------
    ValueError
        If the shapes or dtypes of the weights do not fit together, or a weight is not finite.

    Examples
    --------
    Units that forget half of their state at each step, and add the input:

    >>> import numpy as np
    >>> from unrolled import Cell, backpropagate_through_time, unroll
    >>> class HalfCell(Cell):
    ...     def step(self, projected, state):
    ...         return projected + state / 2, state[:, :0]  # no gates
    ...     def step_back(self, d_state, previous, state, gates):
    ...         return d_state, d_state / 2
    >>> cell = HalfCell(np.ones((1, 1)), np.zeros((1, 1)), np.zeros(1))
    >>> states, cache = unroll(cell, np.array([[[1.0], [0.0], [0.0]]]))
    >>> states.ravel()
    array([1.  , 0.5 , 0.25])
    >>> d_states = np.array([[[0.0], [0.0], [1.0]]])
    >>> backpropagate_through_time(cell, cache, d_states).states.ravel()
    array([0.25, 0.5 , 1.  ])
    """

    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray

    #: How many blocks of `units` columns the kernel has.
    blocks = 1
    #: How many numbers per unit `step` keeps for the way back, besides the states.
    gates = 0
    #: How many numbers per unit the state has: 2 for an LSTM, which carries h and c.
    parts = 1
    #: The shapes that a refusal of other weights names.
    shapes = "kernel (features, units), recurrent_kernel (units, units) and bias (units,)"

    def __post_init__(self) -> None:
        for field in fields(Cell):  # frozen, hence the detour
            object.__setattr__(self, field.name, np.asarray(getattr(self, field.name)))
        shapes = tuple(w.shape for w in self.weights)
        if not _plausible(self.kernel, self.blocks) or shapes != self._weight_shapes():
            raise ValueError(
                f"expected {self.shapes}, none empty, got {shapes[0]}, {shapes[1]} and {shapes[2]}"
            )
        if len({w.dtype for w in self.weights}) > 1 or self.dtype not in (np.float32, np.float64):
            dtypes = ", ".join(str(w.dtype) for w in self.weights)
            raise ValueError(f"expected weights of one dtype, float32 or float64, got {dtypes}")
        if not all(np.isfinite(w).all() for w in self.weights):
            raise ValueError("expected finite weights, got NaN or infinity")

    def _weight_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes that the three weights must have, given the kernel's."""
        columns = self.kernel.shape[1]
        return self.kernel.shape, (self.units, columns), (columns,)

    @classmethod
    def _draw(
        cls, features: int, units: int, rng: np.random.Generator, recurrent: str, gain: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Glorot-uniform input weights, and recurrent weights times a gain, in float64."""
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"expected rng to be a numpy.random.Generator, got {rng!r}")
        if min(features, units) < 1:
            raise ValueError(f"expected at least 1 feature and 1 unit, got {features}, {units}")
        kernel = glorot_uniform(features, cls.blocks * units, rng)
        return kernel, gain * recurrent_matrix(recurrent, units, cls.blocks, rng)

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Kernel, recurrent kernel and bias, as ``layer.get_weights()`` lists them."""
        return self.kernel, self.recurrent_kernel, self.bias

    @property
    def features(self) -> int:
        """Number of input features."""
        return int(self.kernel.shape[0])

    @cached_property
    def units(self) -> int:
        """Number of units."""
        return int(self.kernel.shape[1]) // self.blocks

    @property
    def state_size(self) -> int:
        """How many numbers the state has: `units` for each of its parts."""
        return self.parts * self.units

    @property
    def dtype(self) -> np.dtype[Any]:
        """Floating-point type of the weights."""
        return self.kernel.dtype

    def project(self, x: np.ndarray) -> np.ndarray:
        """Input's share of the pre-activations, ``x @ kernel + bias``; `x` may hold all steps.

        Parameters
        ----------
        x : ndarray of shape (..., features)
            Inputs.

        Returns
        -------
        ndarray of shape (..., blocks * units)
        """
        projected: np.ndarray = x @ self.kernel + self.bias
        return projected

    @abstractmethod
    def step(self, projected: np.ndarray, state: np.ndarray) -> Pair:
        """One step forward.

        Parameters
        ----------
        projected : ndarray of shape (batch, blocks * units)
            ``project(x_t)``.
        state : ndarray of shape (batch, state_size)
            The state before the step.

        Returns
        -------
        state : ndarray of shape (batch, state_size)
            The state after the step.
        gates : ndarray of shape (batch, gates * units)
            What the way back needs besides the states; empty for a cell without gates.
        """

    @abstractmethod
    def step_back(
        self, d_state: np.ndarray, previous: np.ndarray, state: np.ndarray, gates: np.ndarray
    ) -> Pair:
        """One step back.

        Parameters
        ----------
        d_state : ndarray of shape (..., state_size)
            Total gradient with respect to the state after the step.
        previous, state : ndarray of shape (..., state_size)
            The states before and after the step.
        gates : ndarray of shape (..., gates * units)
            The gates that `step` returned.

        Returns
        -------
        d_projected : ndarray of shape (..., blocks * units)
            Gradient with respect to ``project(x_t)``.
        d_previous : ndarray of shape (..., state_size)
            What of the gradient reaches the state before the step.
        """

    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``x.T @ dz``, ``h.T @ dz`` and the sum of dz: gradients of the weights, summed over rows.

        Parameters
        ----------
        x, previous, gates, d_projected : ndarray of shape (..., rows, width)
            Inputs, states before the step, gates, and gradients as `step_back` returned them.

        Returns
        -------
        kernel, recurrent_kernel, bias : ndarray
            Of the shapes of the weights, behind the axes before the last two.
        """
        h = previous[..., : self.units]
        return x.mT @ d_projected, h.mT @ d_projected, d_projected.sum(axis=-2)


def _plausible(kernel: np.ndarray, blocks: int) -> bool:
    return kernel.ndim == 2 and 0 not in kernel.shape and kernel.shape[1] % blocks == 0
