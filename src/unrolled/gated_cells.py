"""Cells with gates: LSTM and GRU, in Keras's shapes and order of gates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.cells import Cell, Pair, product, sum_of_products, sum_of_rows
from unrolled.memory import empty


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

    def step(self, projected: np.ndarray, state: np.ndarray, out: Pair | None = None) -> Pair:
        """One step forward; the gates kept are i, f, g, o. See `Cell.step`."""
        n = self.units
        new, gates = out or self._empty(projected.shape, 2, 4)
        z = product(state[..., :n], self.recurrent_kernel, out=gates)
        z += projected
        i, f, g, o = gates[..., :n], gates[..., n : 2 * n], gates[..., 2 * n : -n], gates[..., -n:]
        candidate = np.tanh(g)
        _sigmoid(gates)  # of all four blocks: one call is faster than two
        g[...] = candidate
        h, c = new[..., :n], new[..., n:]
        np.add(f * state[..., n:], i * g, out=c)
        np.multiply(o, np.tanh(c), out=h)
        return new, gates

    def slopes(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """Factors of shape (..., 6, units): dh/dc, dc/dc', and those of i, f, g and o."""
        n = self.units
        i, f, g, o = (gates[..., k * n : (k + 1) * n] for k in range(4))
        h, c_before = states[..., :n], previous[..., n:]
        slopes = _factors(gates, 6, n)
        to_c, kept, to_i, to_f, to_g, to_o = np.moveaxis(slopes, -2, 0)
        tanh_c = h / (o + np.finfo(o.dtype).tiny)  # h = o * tanh(c), and o may be 0
        np.multiply(o, 1 - tanh_c * tanh_c, out=to_c)
        kept[...] = f
        np.multiply(g * i, 1 - i, out=to_i)
        np.multiply(c_before * f, 1 - f, out=to_f)
        np.multiply(i, 1 - g * g, out=to_g)
        np.multiply(h, 1 - o, out=to_o)
        return slopes

    def step_back(self, d_state: np.ndarray, slopes: np.ndarray, out: Pair | None = None) -> Pair:
        """Back through h, c and the gates. See `Cell.step_back`."""
        n = self.units
        d_h = d_state[..., :n]
        d_c = d_state[..., n:] + d_h * slopes[..., 0, :]
        d_z, d_previous = out or self._empty(d_c.shape, 4, 2)
        d_ifg = d_z[..., : 3 * n].reshape(*d_c.shape[:-1], 3, n)  # a view
        np.multiply(d_c[..., None, :], slopes[..., 2:5, :], out=d_ifg)
        np.multiply(d_h, slopes[..., 5, :], out=d_z[..., -n:])
        product(d_z, self.recurrent_kernel.T, out=d_previous[..., :n])
        np.multiply(d_c, slopes[..., 1, :], out=d_previous[..., n:])
        return d_z, d_previous

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
        """``x @ kernel`` and the biases, but for the one that r scales. See `Cell.project`."""
        projected = product(x, self.kernel)
        projected += self.bias[0] if self.reset_after else self.bias
        if self.reset_after:
            projected[..., : 2 * self.units] += self.bias[1, : 2 * self.units]
        return projected

    def step(self, projected: np.ndarray, state: np.ndarray, out: Pair | None = None) -> Pair:
        """One step forward; the gates kept are z, r, g, and what r scales. See `Cell.step`."""
        n, kernel = self.units, self.recurrent_kernel
        h, gates = out or self._empty(projected.shape, 1, 4)
        zr, z, r = gates[..., : 2 * n], gates[..., :n], gates[..., n : 2 * n]
        g, scaled = gates[..., 2 * n : -n], gates[..., -n:]
        if self.reset_after:
            product(state, kernel, out=gates[..., :-n])  # g is still what r scales
            np.add(g, self.bias[1, 2 * n :], out=scaled)
        else:
            product(state, kernel[:, : 2 * n], out=zr)
            scaled[...] = state
        zr += projected[..., : 2 * n]
        _sigmoid(zr)
        np.multiply(r, scaled, out=g)
        if not self.reset_after:
            product(g.copy("K"), kernel[:, 2 * n :], out=g)
        g += projected[..., 2 * n :]
        np.tanh(g, out=g)
        np.add(z * state, (1 - z) * g, out=h)  # the very state where z is 1
        return h, gates

    def slopes(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """Factors of shape (..., 5, units): to z, r and W_g, to g, and what is kept."""
        n = self.units
        z, r, g, scaled = (gates[..., k * n : (k + 1) * n] for k in range(4))
        slopes = _factors(gates, 5, n)
        to_z, to_r, reset, to_g, kept = np.moveaxis(slopes, -2, 0)
        np.multiply((previous - g) * z, 1 - z, out=to_z)
        np.multiply(scaled * r, 1 - r, out=to_r)
        np.multiply(1 - z, 1 - g * g, out=to_g)
        reset[...], kept[...] = r, z
        if self.reset_after:  # else what comes back to r and W_g must pass the product with W_g
            to_r *= to_g
            reset *= to_g
        return slopes

    def step_back(self, d_state: np.ndarray, slopes: np.ndarray, out: Pair | None = None) -> Pair:
        """Back through the gates and the candidate. See `Cell.step_back`."""
        n, kernel = self.units, self.recurrent_kernel.T
        d_kept = d_state * slopes[..., 4, :]
        d_projected, d_previous = out or self._empty(d_kept.shape, 3, 1)
        d_zr, d_g = d_projected[..., : 2 * n], d_projected[..., 2 * n :]
        np.multiply(d_state, slopes[..., 3, :], out=d_g)
        if self.reset_after:
            d_recurrent = (d_state[..., None, :] * slopes[..., :3, :]).reshape(d_projected.shape)
            d_zr[...] = d_recurrent[..., : 2 * n]
            product(d_recurrent, kernel, out=d_previous)
        else:
            d_hidden = product(d_g, kernel[2 * n :], out=d_previous)  # with respect to r * h
            np.multiply(d_state, slopes[..., 0, :], out=d_zr[..., :n])
            np.multiply(d_hidden, slopes[..., 1, :], out=d_zr[..., n:])
            d_kept += d_hidden * slopes[..., 2, :]
            product(d_zr, kernel[: 2 * n], out=d_previous)
        d_previous += d_kept
        return d_projected, d_previous

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


def _sigmoid(z: np.ndarray) -> None:
    """``sigmoid(z) = exp(z) / (1 + exp(z))``, in place; large z are cut, where it is 1 anyway."""
    one, large = _one_and_large(z.dtype.char)
    np.minimum(z, large, out=z)
    np.exp(z, out=z)
    z /= one + z


@cache
def _one_and_large(dtype: str) -> Pair:
    """1 and 80 as arrays, which NumPy takes faster than numbers."""
    return np.array(1, dtype), np.array(80, dtype)


def _factors(like: np.ndarray, count: int, units: int) -> np.ndarray:
    """Room for `count` factors a unit, ordered in memory as steps or sequences of `like` are."""
    rows = like.shape[:-1]
    if like.ndim < 2:
        return np.empty((*rows, count, units), like.dtype)
    return np.moveaxis(empty((*rows[:-1], count, units, rows[-1]), like.dtype), -1, -3)
