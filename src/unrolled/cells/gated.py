"""Cells with gates: LSTM and GRU, in Keras's shapes and order of gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.cells.cell import Cell, Pair


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
            Recurrent weights, see `unrolled.cells.initializers.recurrent_matrix`.
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

    def step(self, projected: np.ndarray, state: np.ndarray) -> Pair:
        """One step forward; the gates kept are i, f, g, o. See `Cell.step`."""
        h, c = split(state, 2)
        i, f, g, o = split(projected + h @ self.recurrent_kernel, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        return join(h, c), join(i, f, g, o)

    def step_back(
        self, d_state: np.ndarray, previous: np.ndarray, state: np.ndarray, gates: np.ndarray
    ) -> Pair:
        """Back through h, c and the gates. See `Cell.step_back`."""
        d_h, d_c = split(d_state, 2)
        i, f, g, o = split(gates, 4)
        c_before, tanh_c = previous[..., self.units :], np.tanh(state[..., self.units :])
        d_c = d_c + d_h * o * (1 - tanh_c**2)
        d_z = join(
            d_c * g * i * (1 - i),
            d_c * c_before * f * (1 - f),
            d_c * i * (1 - g**2),
            d_h * tanh_c * o * (1 - o),
        )
        return d_z, join(d_z @ self.recurrent_kernel.T, d_c * f)


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
            Recurrent weights, see `unrolled.cells.initializers.recurrent_matrix`.
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
        if not self.reset_after:
            return super().project(x)
        unscaled = join(self.bias[1, : 2 * self.units], np.zeros_like(self.bias[1, : self.units]))
        projected: np.ndarray = x @ self.kernel + self.bias[0] + unscaled
        return projected

    def step(self, projected: np.ndarray, state: np.ndarray) -> Pair:
        """One step forward; the gates kept are z, r, g, and what r scales. See `Cell.step`."""
        h, (W_z, W_r, W_g) = state, split(self.recurrent_kernel, 3)
        x_z, x_r, x_g = split(projected, 3)
        z = sigmoid(x_z + h @ W_z)
        r = sigmoid(x_r + h @ W_r)
        if self.reset_after:
            scaled = h @ W_g + self.bias[1, 2 * self.units :]
            g = np.tanh(x_g + r * scaled)
        else:
            scaled = h
            g = np.tanh(x_g + (r * h) @ W_g)
        return z * h + (1 - z) * g, join(z, r, g, scaled)

    def step_back(
        self, d_state: np.ndarray, previous: np.ndarray, state: np.ndarray, gates: np.ndarray
    ) -> Pair:
        """Back through the gates and the candidate. See `Cell.step_back`."""
        W_z, W_r, W_g = split(self.recurrent_kernel, 3)
        z, r, g, scaled = split(gates, 4)
        d_z = d_state * (previous - g) * z * (1 - z)
        d_g = d_state * (1 - z) * (1 - g**2)
        if self.reset_after:
            d_r = d_g * scaled * r * (1 - r)
            through_g = (d_g * r) @ W_g.T
        else:
            d_r = (d_g @ W_g.T) * scaled * r * (1 - r)
            through_g = (d_g @ W_g.T) * r
        d_previous = d_state * z + d_z @ W_z.T + d_r @ W_r.T + through_g
        return join(d_z, d_r, d_g), d_previous

    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As in a SimpleRNN, with r where it acts. See `Cell.weight_gradients`."""
        kernel, _, bias = super().weight_gradients(x, previous, gates, d_projected)
        (d_z, d_r, d_g), r = split(d_projected, 3), split(gates, 4)[1]
        if self.reset_after:
            d_recurrent = join(d_z, d_r, r * d_g)
            both = np.stack((bias, d_recurrent.sum(axis=-2)), axis=-2)
            return kernel, previous.mT @ d_recurrent, both
        return kernel, join(previous.mT @ join(d_z, d_r), (r * previous).mT @ d_g), bias


def sigmoid(z: np.ndarray) -> np.ndarray:
    """``exp(z) / (1 + exp(z))``; large z are cut, where it is 1 anyway."""
    e = np.exp(np.minimum(z, z.dtype.type(80)))
    sigmoid: np.ndarray = e / (1 + e)
    return sigmoid


def split(array: np.ndarray, count: int) -> list[np.ndarray]:
    """The last axis in `count` equal blocks: views, as those of np.split, which is slow."""
    n = array.shape[-1] // count
    return [array[..., k * n : (k + 1) * n] for k in range(count)]


def join(*parts: np.ndarray) -> np.ndarray:
    """Blocks side by side in the last axis."""
    return np.concatenate(parts, axis=-1)
