"""Recurrent cells: parameters, one step forward, one step back. Nothing here loops over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Activation(NamedTuple):
    """An elementwise nonlinearity and its derivative, the latter as a function of the *output*."""

    function: Callable
    derivative: Callable


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda h: 1 - h * h),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda h: (h > 0).astype(h.dtype)),
    "linear": Activation(lambda z: z, np.ones_like),
}


@dataclass(frozen=True, eq=False)
class SimpleRNNCell:
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
    >>> cell.step(cell.project(np.array([[1.0]])), np.array([[2.0]]))
    array([[2.]])
    """

    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray
    activation: str = "tanh"

    def __post_init__(self):
        for name in ("kernel", "recurrent_kernel", "bias"):  # frozen, hence the detour
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        weights = (self.kernel, self.recurrent_kernel, self.bias)
        kernel, recurrent_kernel, bias = (w.shape for w in weights)
        units = kernel[-1:]
        if len(kernel) != 2 or 0 in kernel or recurrent_kernel != 2 * units or bias != units:
            raise ValueError(
                "expected kernel (features, units), recurrent_kernel (units, units) and bias "
                f"(units,), none empty, got {kernel}, {recurrent_kernel} and {bias}"
            )
        if len({w.dtype for w in weights}) > 1 or self.dtype.kind != "f":
            dtypes = ", ".join(str(w.dtype) for w in weights)
            raise ValueError(f"expected weights of one floating-point dtype, got {dtypes}")
        if not all(np.isfinite(w).all() for w in weights):
            raise ValueError("expected finite weights, got NaN or infinity")
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"expected activation to be one of {sorted(ACTIVATIONS)}, got {self.activation!r}"
            )

    @classmethod
    def initialize(
        cls,
        features,
        units,
        rng,
        *,
        recurrent="orthogonal",
        gain=1.0,
        activation="tanh",
        dtype=np.float64,
    ):
        """Draw a cell as Keras does: Glorot-uniform kernel, orthogonal recurrence, zero bias.

        Parameters
        ----------
        features, units : int
            Sizes of the input and of the state.
        rng : numpy.random.Generator
            Source of every random number.
        recurrent : {"orthogonal", "gaussian", "identity"}
            Recurrent weights: a random orthogonal matrix, independent normal entries of variance
            ``1 / units`` (spectral radius near 1), or the identity.
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
            If `recurrent` is not one of the three names.

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
        limit = np.sqrt(6 / (features + units))
        kernel = rng.uniform(-limit, limit, (features, units))
        recurrent_kernel = gain * _recurrent_matrix(recurrent, units, rng)
        return cls(
            kernel.astype(dtype), recurrent_kernel.astype(dtype), np.zeros(units, dtype), activation
        )

    @property
    def features(self):
        """Number of input features."""
        return self.kernel.shape[0]

    @property
    def units(self):
        """Number of units, the size of the state."""
        return self.kernel.shape[1]

    @property
    def dtype(self):
        """Floating-point type of the weights."""
        return self.kernel.dtype

    def project(self, x):
        """Input's share of the pre-activation, ``x @ kernel + bias``; `x` may hold all steps."""
        return x @ self.kernel + self.bias

    def step(self, projected, h):
        """One step forward.

        Parameters
        ----------
        projected : ndarray of shape (batch, units)
            ``project(x_t)``.
        h : ndarray of shape (batch, units)
            The previous state `h_{t-1}`.

        Returns
        -------
        ndarray of shape (batch, units)
            The new state `h_t`.
        """
        return ACTIVATIONS[self.activation].function(projected + h @ self.recurrent_kernel)

    def slope(self, h):
        """Derivative of the activation where its output is `h`, of the shape of `h`."""
        return ACTIVATIONS[self.activation].derivative(h)

    def step_back(self, d_h, slope):
        """One step back through the activation and the recurrence.

        Parameters
        ----------
        d_h : ndarray of shape (batch, units)
            Total gradient dL/dh_t.
        slope : ndarray of shape (batch, units)
            ``slope(h_t)``.

        Returns
        -------
        d_pre_activation, d_previous : ndarray of shape (batch, units)
            Gradient at the pre-activation `z_t`, and what of it reaches `h_{t-1}`.
        """
        d_pre_activation = d_h * slope
        return d_pre_activation, d_pre_activation @ self.recurrent_kernel.T

    def jacobian(self, h):
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
        return self.slope(h)[..., :, None] * self.recurrent_kernel.T


def _recurrent_matrix(name, units, rng):
    if name == "identity":
        return np.eye(units)
    if name == "gaussian":
        return rng.normal(0, 1 / np.sqrt(units), (units, units))
    if name == "orthogonal":
        q, r = np.linalg.qr(rng.normal(size=(units, units)))
        return q * np.sign(np.diag(r))  # sign fix: uniform over the orthogonal group
    raise ValueError(
        f"expected recurrent to be 'orthogonal', 'gaussian' or 'identity', got {name!r}"
    )
