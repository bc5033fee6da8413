"""The simple recurrent network's cell: one matrix product and one nonlinearity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.cells.cell import Cell, Pair


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

    def step(self, projected: np.ndarray, state: np.ndarray) -> Pair:
        """One step forward; there are no gates. See `Cell.step`."""
        h = ACTIVATIONS[self.activation].function(projected + state @ self.recurrent_kernel)
        return h, h[..., :0]

    def step_back(
        self, d_state: np.ndarray, previous: np.ndarray, state: np.ndarray, gates: np.ndarray
    ) -> Pair:
        """Back through the activation, then through the recurrence. See `Cell.step_back`."""
        d_z = d_state * ACTIVATIONS[self.activation].derivative(state)
        return d_z, d_z @ self.recurrent_kernel.T

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
