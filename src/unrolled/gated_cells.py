"""Cells with gates: LSTM and GRU, in Keras's shapes and order of gates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.cells import Cell, sum_of_products, sum_of_rows


@dataclass(frozen=True, eq=False)
class LSTMCell(Cell):
    """Long short-term memory: a cell state ``c`` that gates open and close, and an output ``h``.

    With ``z = x_t @ kernel + h_{t-1} @ recurrent_kernel + bias``, cut into four blocks,

        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o)
        g = tanh(z_g)
        c_t = f * c_{t-1} + i * g
        h_t = o * tanh(c_t)

    The state is the vector (h, c), of `state_size` = 2 `units` numbers: h first.

    Parameters
    ----------
    kernel : ndarray of shape (features, 4 * units)
        Input weights of the gates in Keras's order i, f, g, o (Keras calls g "c").
    recurrent_kernel : ndarray of shape (units, 4 * units)
        Recurrent weights, in the same order.
    bias : ndarray of shape (4 * units,)
        Bias, in the same order.

    Raises
    ------
    ValueError
        If the shapes or dtypes of the weights do not fit together, or a weight is not finite.

    References
    ----------
    Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8); forget
    gate: Gers, Schmidhuber and Cummins (2000), "Learning to forget", Neural Computation 12(10).

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = LSTMCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> h, c = states[..., :cell.units], states[..., cell.units:]
    >>> h.shape, c.shape
    ((2, 7, 4), (2, 7, 4))
    """

    blocks, gates, parts = 4, 4, 2
    shapes = "kernel (features, 4 units), recurrent_kernel (units, 4 units) and bias (4 units,)"

    @classmethod
    def initialize(
        cls,
        features: int,
        units: int,
        rng: np.random.Generator,
        *,
        recurrent: str = "orthogonal",
        gain: float = 1.0,
        forget_bias: float = 1.0,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """Draw a cell as Keras does: Glorot, orthogonal, zero bias but for the forget gate's.

        Parameters
        ----------
        features, units : int
            Sizes of the input and of h.
        rng : numpy.random.Generator
            Source of every random number.
        recurrent : {"orthogonal", "gaussian", "glorot"}
            Recurrent weights, see `unrolled.initializers.recurrent_matrix`.
        gain : float
            Factor on the recurrent weights.
        forget_bias : float
            Bias of the forget gate; 1 in Keras.
        dtype : dtype
            Precision of the weights.

        Returns
        -------
        LSTMCell

        Raises
        ------
        ValueError
            If `recurrent` is not one of the three names, or a size is below 1.
        TypeError
            If `rng` is not a generator.

        References
        ----------
        Jozefowicz, Zaremba and Sutskever (2015), for the forget bias.

        Examples
        --------
        >>> import numpy as np
        >>> cell = LSTMCell.initialize(1, 2, np.random.default_rng(0), forget_bias=3.0)
        >>> cell.bias
        array([0., 0., 3., 3., 0., 0., 0., 0.])
        """
        kernel, recurrent_kernel = cls._draw(features, units, rng, recurrent, gain)
        bias = np.zeros(4 * units, dtype)
        bias[units : 2 * units] = forget_bias
        return cls(kernel.astype(dtype), recurrent_kernel.astype(dtype), bias)

    @cached_property
    def _gate_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """What `_gate` takes: 1/2 for sigmoid gates and 1 for tanh, and 1 less that."""
        scale = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], self.dtype), self.units)
        return scale, 1 - scale

    def step(self, projected: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step forward; the gates kept are i, f, g, o. See `Cell.step`."""
        n = self.units
        h, c = state[..., :n], state[..., n:]
        gates = _gate(projected + h.dot(self.recurrent_kernel), *self._gate_scale)
        i, f, g, o = gates[..., :n], gates[..., n : 2 * n], gates[..., 2 * n : -n], gates[..., -n:]
        c = f * c + i * g
        return np.concatenate((o * np.tanh(c), c), axis=-1), gates

    def slopes(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """Factors of shape (..., 6, units): dh/dc, dc/dc', and those of i, f, g and o."""
        n = self.units
        i, f, g, o = (gates[..., k * n : (k + 1) * n] for k in range(4))
        tanh_c = np.tanh(states[..., n:])
        slopes = np.empty((*gates.shape[:-1], 6, n), gates.dtype)
        slopes[..., 0, :] = o * (1 - tanh_c * tanh_c)
        slopes[..., 1, :] = f
        slopes[..., 2, :] = g * i * (1 - i)
        slopes[..., 3, :] = previous[..., n:] * f * (1 - f)
        slopes[..., 4, :] = i * (1 - g * g)
        slopes[..., 5, :] = tanh_c * o * (1 - o)
        return slopes

    def step_back(self, d_state: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Back through h, c and the gates. See `Cell.step_back`."""
        n = self.units
        d_h = d_state[..., :n]
        d_c = d_state[..., n:] + d_h * slopes[..., 0, :]
        gates = np.empty((*d_c.shape[:-1], 4, n), d_c.dtype)
        np.multiply(d_c[..., None, :], slopes[..., 2:5, :], out=gates[..., :3, :])
        np.multiply(d_h, slopes[..., 5, :], out=gates[..., 3, :])
        d_z = gates.reshape(*d_c.shape[:-1], 4 * n)
        d_kept = d_c * slopes[..., 1, :]
        return d_z, np.concatenate((d_z.dot(self.recurrent_kernel.T), d_kept), axis=-1)

    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``x.T @ dz``, ``h.T @ dz`` and the sum of dz. See `Cell.weight_gradients`."""
        return (
            sum_of_products(x, d_projected),
            sum_of_products(previous[..., : self.units], d_projected),
            sum_of_rows(d_projected),
        )


@dataclass(frozen=True, eq=False)
class GRUCell(Cell):
    """Gated recurrent unit: an update gate ``z`` keeps the old state, a reset gate ``r`` hides it.

    With ``x_z, x_r, x_g = x_t @ kernel + bias`` in three blocks and ``W_z, W_r, W_g`` the blocks of
    the recurrent kernel,

        z = sigmoid(x_z + h_{t-1} @ W_z)
        r = sigmoid(x_r + h_{t-1} @ W_r)
        g = tanh(x_g + r * (h_{t-1} @ W_g))        if `reset_after`, else
        g = tanh(x_g + (r * h_{t-1}) @ W_g)
        h_t = z * h_{t-1} + (1 - z) * g

    and with `reset_after` a second bias row is added to every ``h_{t-1} @ W``.

    Parameters
    ----------
    kernel : ndarray of shape (features, 3 * units)
        Input weights in Keras's order z, r, g (Keras calls g "h").
    recurrent_kernel : ndarray of shape (units, 3 * units)
        Recurrent weights, in the same order.
    bias : ndarray of shape (2, 3 * units) or (3 * units,)
        Input and recurrent bias if the reset gate acts after the recurrent product (the default of
        Keras), and a single bias if it acts before: its shape says which of the two the cell is.

    Raises
    ------
    ValueError
        If the shapes or dtypes of the weights do not fit together, or a weight is not finite.

    References
    ----------
    Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder for statistical
    machine translation", for the form with the reset gate before the product.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = GRUCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> states.shape, cell.reset_after
    ((2, 7, 4), True)
    """

    blocks, gates = 3, 4
    shapes = (
        "kernel (features, 3 units), recurrent_kernel (units, 3 units) and bias (2, 3 units) or "
        "(3 units,)"
    )

    def _weight_shapes(self) -> tuple[tuple[int, ...], ...]:
        kernel, recurrent_kernel, bias = super()._weight_shapes()
        return kernel, recurrent_kernel, (2, *bias) if self.reset_after else bias

    @classmethod
    def initialize(
        cls,
        features: int,
        units: int,
        rng: np.random.Generator,
        *,
        reset_after: bool = True,
        recurrent: str = "orthogonal",
        gain: float = 1.0,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """Draw a cell as Keras does: Glorot-uniform kernel, orthogonal recurrence, zero bias.

        Parameters
        ----------
        features, units : int
            Sizes of the input and of the state.
        rng : numpy.random.Generator
            Source of every random number.
        reset_after : bool
            Whether the reset gate acts after the recurrent product.
        recurrent : {"orthogonal", "gaussian", "glorot"}
            Recurrent weights, see `unrolled.initializers.recurrent_matrix`.
        gain : float
            Factor on the recurrent weights.
        dtype : dtype
            Precision of the weights.

        Returns
        -------
        GRUCell

        Raises
        ------
        ValueError
            If `recurrent` is not one of the three names, or a size is below 1.
        TypeError
            If `rng` is not a generator.

        Examples
        --------
        >>> import numpy as np
        >>> GRUCell.initialize(1, 2, np.random.default_rng(0)).bias.shape
        (2, 6)
        """
        kernel, recurrent_kernel = cls._draw(features, units, rng, recurrent, gain)
        bias = np.zeros((2, 3 * units) if reset_after else 3 * units, dtype)
        return cls(kernel.astype(dtype), recurrent_kernel.astype(dtype), bias)

    @property
    def reset_after(self) -> bool:
        """Whether the reset gate acts after the recurrent product."""
        return self.bias.ndim == 2

    def project(self, x: np.ndarray) -> np.ndarray:
        """``x @ kernel`` and the bias of the input. See `Cell.project`."""
        projected: np.ndarray = x @ self.kernel
        projected += self.bias[0] if self.reset_after else self.bias
        return projected

    def step(self, projected: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step forward; the gates kept are z, r, g, and what r scales. See `Cell.step`."""
        n = self.units
        x_zr, x_g = projected[..., : 2 * n], projected[..., 2 * n :]
        if self.reset_after:
            recurrent = state.dot(self.recurrent_kernel) + self.bias[1]
            zr = _gate(x_zr + recurrent[..., : 2 * n], 0.5, 0.5)
            z, r, scaled = zr[..., :n], zr[..., n:], recurrent[..., 2 * n :]
            g = np.tanh(x_g + r * scaled)
        else:
            zr = _gate(x_zr + state.dot(self.recurrent_kernel[:, : 2 * n]), 0.5, 0.5)
            z, r, scaled = zr[..., :n], zr[..., n:], state
            g = np.tanh(x_g + (r * scaled).dot(self.recurrent_kernel[:, 2 * n :]))
        return g + z * (state - g), np.concatenate((zr, g, scaled), axis=-1)

    def slopes(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """Factors of shape (..., 5, units): z, those of z_z, z_g on dh, r, and that of z_r."""
        n = self.units
        z, r, g, scaled = (gates[..., k * n : (k + 1) * n] for k in range(4))
        slopes = np.empty((*gates.shape[:-1], 5, n), gates.dtype)
        slopes[..., 0, :] = z
        slopes[..., 1, :] = (previous - g) * z * (1 - z)
        slopes[..., 2, :] = (1 - z) * (1 - g * g)
        slopes[..., 3, :] = r
        slopes[..., 4, :] = scaled * r * (1 - r)
        return slopes

    def step_back(self, d_state: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Back through the gates and the candidate. See `Cell.step_back`."""
        n, kernel = self.units, self.recurrent_kernel.T
        d_kept, d_z, d_g = (d_state * slopes[..., k, :] for k in range(3))
        r, r_slope = slopes[..., 3, :], slopes[..., 4, :]
        if self.reset_after:
            d_z_all = np.concatenate((d_z, d_g * r_slope, d_g), axis=-1)
            d_recurrent = np.concatenate((d_z_all[..., : 2 * n], d_g * r), axis=-1)
            return d_z_all, d_recurrent.dot(kernel) + d_kept
        d_hidden = d_g.dot(kernel[2 * n :])  # with respect to r * h
        d_z_all = np.concatenate((d_z, d_hidden * r_slope, d_g), axis=-1)
        return d_z_all, d_z_all[..., : 2 * n].dot(kernel[: 2 * n]) + d_hidden * r + d_kept

    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As in a SimpleRNN, with r where it acts. See `Cell.weight_gradients`."""
        n = self.units
        kernel, bias = sum_of_products(x, d_projected), sum_of_rows(d_projected)
        d_zr, d_g, r = d_projected[..., : 2 * n], d_projected[..., 2 * n :], gates[..., n : 2 * n]
        if self.reset_after:
            d_recurrent = np.concatenate((d_zr, d_g * r), axis=-1)
            both = np.stack((bias, sum_of_rows(d_recurrent)), axis=-2)
            return kernel, sum_of_products(previous, d_recurrent), both
        parts = sum_of_products(previous, d_zr), sum_of_products(r * previous, d_g)
        return kernel, np.concatenate(parts, axis=-1), bias


def _gate(z: np.ndarray, scale: np.ndarray | float, shift: np.ndarray | float) -> np.ndarray:
    """``sigmoid(z) = tanh(z / 2) / 2 + 1/2`` or, with scale 1 and shift 0, tanh; overwrites `z`."""
    z *= scale
    np.tanh(z, out=z)
    z *= scale
    z += shift
    return z
