"""Recurrent cells: parameters, one step forward, one step back. Nothing here loops over time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.initializers import glorot_uniform, recurrent_matrix

Pair = tuple[np.ndarray, np.ndarray]  #: what a step returns, and a step back


@dataclass(frozen=True, eq=False)
class Cell(ABC):
    """What every recurrent cell is: three weight arrays, a step forward and a step back.

    A new type of cell is a subclass that defines `step`, `slopes`, `step_back` and
    `weight_gradients`, and says how wide its arrays are (`blocks`, `gates`, `parts`). Everything
    that loops over time then works with it.

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
    ...     def slopes(self, previous, states, gates):
    ...         return np.ones_like(states)  # of the state by what is projected
    ...     def step_back(self, d_state, slopes):
    ...         d_projected = d_state * slopes
    ...         return d_projected, d_projected / 2
    ...     def weight_gradients(self, x, previous, gates, d_projected):
    ...         unused = np.zeros((*x.shape[:-2], *self.recurrent_kernel.shape))
    ...         return x.swapaxes(-1, -2) @ d_projected, unused, d_projected.sum(axis=-2)
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

    def _empty(self, shape: tuple[int, ...], *widths: int) -> Pair:
        """Room for two results: rows as in an array of `shape`, and so many numbers per unit."""
        first, second = (
            np.empty((*shape[:-1], width * self.units), self.dtype, "F") for width in widths
        )
        return first, second

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
        projected = product(x, self.kernel)
        projected += self.bias
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

        Notes
        -----
        A cell may take a third argument, ``out=(state, gates)``: arrays in column-major order to
        write the results into. This is for speed only; without it they are copied.
        """

    @abstractmethod
    def slopes(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """Elementwise factors of the way back, for many steps at once.

        Parameters
        ----------
        previous, states : ndarray of shape (..., state_size)
            States before and after each step.
        gates : ndarray of shape (..., gates * units)
            The gates that `step` returned.

        Returns
        -------
        ndarray of shape (..., units) or (..., factors, units)
            What `step_back` takes. It is linear in them: zeros stop the gradient of a step.
        """

    @abstractmethod
    def step_back(self, d_state: np.ndarray, slopes: np.ndarray) -> Pair:
        """One step back.

        Parameters
        ----------
        d_state : ndarray of shape (..., state_size)
            Total gradient with respect to the state after the step.
        slopes : ndarray
            The entry of ``slopes(...)`` for this step; for many gradients at once it broadcasts.

        Returns
        -------
        d_projected : ndarray of shape (..., blocks * units)
            Gradient with respect to ``project(x_t)``.
        d_previous : ndarray of shape (..., state_size)
            What of the gradient reaches the state before the step.

        Notes
        -----
        As in `step`, a cell may take ``out=(d_projected, d_previous)``.
        """

    @abstractmethod
    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to the weights, summed over rows.

        Parameters
        ----------
        x, previous, gates, d_projected : ndarray of shape (..., rows, width)
            Inputs, states before the step, gates, and gradients as `step_back` returned them.

        Returns
        -------
        kernel, recurrent_kernel, bias : ndarray
            Of the shapes of the weights, behind the axes before the last two.
        """


def product(rows: np.ndarray, matrix: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """``rows @ matrix``, in `out` if given; with two axes in column-major order, and fastest so."""
    if rows.ndim != 2:
        return np.matmul(rows, matrix, out=out)
    if out is None:
        columns: np.ndarray = matrix.T.dot(rows.T)
        return columns.T
    matrix.T.dot(rows.T, out.T)
    return out


def sum_of_rows(array: np.ndarray) -> np.ndarray:
    """Sum over the last axis but one; as a matrix product it is fast and rounds little."""
    total: np.ndarray = np.ones(array.shape[-2], array.dtype) @ array
    return total


def sum_of_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Sum over rows of the outer products of two arrays' rows, ``left.T @ right``."""
    total: np.ndarray = left.swapaxes(-1, -2) @ right
    return total


def _plausible(kernel: np.ndarray, blocks: int) -> bool:
    return kernel.ndim == 2 and 0 not in kernel.shape and kernel.shape[1] % blocks == 0


class Activation(NamedTuple):
    """An elementwise nonlinearity and its derivative, the latter as a function of the *output*."""

    function: Callable[..., np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda h: 1 - h * h),
    "relu": Activation(partial(np.maximum, 0), lambda h: (h > 0).astype(h.dtype)),
    "linear": Activation(np.positive, np.ones_like),
}


@dataclass(frozen=True, eq=False)
class SimpleRNNCell(Cell):
    """The Elman cell ``h_t = activation(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias)``.

    Parameters
    ----------
    kernel : ndarray of shape (features, units)
        Input weights, `W_xh`.
    recurrent_kernel : ndarray of shape (units, units)
        State-to-state weights, `W_hh`.
    bias : ndarray of shape (units,)
        Bias `b_h`.
    activation : {"tanh", "relu", "linear"}
        The nonlinearity. ReLU has derivative 0 at 0.

    Raises
    ------
    ValueError
        If the shapes or dtypes of the weights do not fit together, a weight is not finite, or the
        activation is unknown.

    References
    ----------
    Elman (1990), "Finding structure in time", Cognitive Science 14(2).

    Examples
    --------
    >>> import numpy as np
    >>> cell = SimpleRNNCell(kernel=np.array([[1.0]]), recurrent_kernel=np.array([[0.5]]),
    ...                      bias=np.array([0.0]), activation="linear")
    >>> state, _ = cell.step(cell.project(np.array([[1.0]])), np.array([[2.0]]))
    >>> state
    array([[2.]])
    """

    activation: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"expected activation to be one of {sorted(ACTIVATIONS)}, got {self.activation!r}"
            )

    @classmethod
    def initialize(
        cls,
        features: int,
        units: int,
        rng: np.random.Generator,
        *,
        recurrent: str = "orthogonal",
        gain: float = 1.0,
        activation: str = "tanh",
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """Draw a cell as Keras does: Glorot-uniform kernel, orthogonal recurrence, zero bias.

        Parameters
        ----------
        features, units : int
            Sizes of the input and of the state.
        rng : numpy.random.Generator
            Source of every random number.
        recurrent : {"orthogonal", "gaussian", "glorot", "identity"}
            Recurrent weights: a random orthogonal matrix, independent normal entries of variance
            ``1 / units`` (spectral radius near 1), Glorot-uniform entries, or the identity.
        gain : float
            Factor on the recurrent weights.
        activation : {"tanh", "relu", "linear"}
            The nonlinearity.
        dtype : dtype
            Precision of the weights.

        Returns
        -------
        SimpleRNNCell

        Raises
        ------
        ValueError
            If `recurrent` is not one of the four names, or a size is below 1.
        TypeError
            If `rng` is not a generator.

        References
        ----------
        Glorot and Bengio (2010); Saxe, McClelland and Ganguli (2014); Le, Jaitly and Hinton (2015).

        Examples
        --------
        >>> import numpy as np
        >>> cell = SimpleRNNCell.initialize(features=3, units=5, rng=np.random.default_rng(0))
        >>> cell.kernel.shape, cell.recurrent_kernel.shape, cell.bias.shape
        ((3, 5), (5, 5), (5,))
        """
        kernel, recurrent_kernel = cls._draw(features, units, rng, recurrent, gain)
        bias = np.zeros(units, dtype)
        return cls(kernel.astype(dtype), recurrent_kernel.astype(dtype), bias, activation)

    def step(self, projected: np.ndarray, state: np.ndarray, out: Pair | None = None) -> Pair:
        """One step forward; there are no gates. See `Cell.step`."""
        h, gates = out or self._empty(projected.shape, 1, 0)
        z = product(state, self.recurrent_kernel, out=h)
        z += projected
        ACTIVATIONS[self.activation].function(z, out=h)
        return h, gates

    def slopes(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """Derivative of the activation at each step, of shape (..., units)."""
        return ACTIVATIONS[self.activation].derivative(states)

    def step_back(self, d_state: np.ndarray, slopes: np.ndarray, out: Pair | None = None) -> Pair:
        """Back through the activation, then through the recurrence. See `Cell.step_back`."""
        d_z, d_previous = out or self._empty(np.broadcast(d_state, slopes).shape, 1, 1)
        np.multiply(d_state, slopes, out=d_z)
        product(d_z, self.recurrent_kernel.T, out=d_previous)
        return d_z, d_previous

    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``x.T @ dz``, ``h.T @ dz`` and the sum of dz. See `Cell.weight_gradients`."""
        return (
            sum_of_products(x, d_projected),
            sum_of_products(previous, d_projected),
            sum_of_rows(d_projected),
        )

    def jacobian(self, h: np.ndarray) -> np.ndarray:
        """State-to-state Jacobian ``J[b, i, j] = d h_t[b, i] / d h_{t-1}[b, j]``.

        Parameters
        ----------
        h : ndarray of shape (..., units)
            The state `h_t` *after* the step.

        Returns
        -------
        ndarray of shape (..., units, units)
            ``diag(activation'(z_t)) @ recurrent_kernel.T``.

        Examples
        --------
        >>> import numpy as np
        >>> cell = SimpleRNNCell.initialize(1, 3, np.random.default_rng(0), activation="linear")
        >>> bool(np.all(cell.jacobian(np.zeros(3)) == cell.recurrent_kernel.T))
        True
        """
        slopes = ACTIVATIONS[self.activation].derivative(h)
        jacobian: np.ndarray = slopes[..., :, None] * self.recurrent_kernel.T
        return jacobian
