"""The loops over time of the three standard cells, in place: what the cells say, only faster.

A test compares them with the cells' own steps. Here alone memory layout matters: arrays are
(time, width, batch), so that each step, and each gate of a step, is one contiguous block. A
sequence is a column, and ``h @ W`` is ``W.T @ h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unrolled.cells import Cell, GRUCell, LSTMCell, SimpleRNNCell
from unrolled.cells.simple import ACTIVATIONS

if TYPE_CHECKING:
    from unrolled.bptt import Cache

Arrays = Sequence[np.ndarray]
FLUSH_EVERY = 16  #: steps back, after which subnormal numbers are set to zero


def knows(cell: Cell) -> bool:
    """Whether there is a fast loop for this very type of cell."""
    return type(cell) in LOOPS


def forward(
    cell: Cell, x: np.ndarray, state: np.ndarray, read: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The states, from the one before the first step on, and the gates; batch first."""
    loop, (batch, time, features) = LOOPS[type(cell)](cell), x.shape
    states = np.empty((time + 1, cell.state_size, batch), cell.dtype)
    gates = np.empty((time, cell.gates * cell.units, batch), cell.dtype)
    states[0], inputs, kernel = state.T, np.array(time_first(x), order="C"), cell.kernel.T
    bias = cell.project(np.zeros((1, features), cell.dtype)).T
    shortest = read.sum(axis=1).min()
    for block in _blocks(time, batch, cell.units):
        projected = kernel @ inputs[block]
        projected += bias
        arrays = projected, states[block], states[1:][block], gates[block]
        for t, now, state, new, gates_now in zip(range(time)[block], *arrays, strict=True):
            loop.step(now, state, new, gates_now)
            if t >= shortest:  # where a sequence is over, its state stands still
                np.copyto(new, state, where=~read[:, t])
    return batch_first(states), batch_first(gates)


def backward(cell: Cell, cache: Cache, d_states: np.ndarray) -> tuple[np.ndarray, ...]:
    """All gradients in the order of `unrolled.bptt.Gradients`."""
    loop, (batch, time, _) = LOOPS[type(cell)](cell), d_states.shape
    arrays = [time_first(part) for part in (cache.previous, cache.states, cache.gates)]
    d_state = np.array(time_first(d_states), order="C")
    d_z = np.empty((time, cell.kernel.shape[1], batch), cell.dtype)
    carried, tiny = np.zeros_like(d_state[0]), np.finfo(cell.dtype).tiny
    for block in reversed(_blocks(time, batch, cell.units)):
        factors = loop.factors(*(part[block] for part in arrays))
        all_read = cache.read[:, block].all()
        steps = zip(range(time)[block], d_state[block], d_z[block], *factors, strict=True)
        for t, d_now, d_z_now, *factors_now in reversed(list(steps)):
            d_now += carried
            loop.step_back(d_now, factors_now, d_z_now, carried)
            if not all_read:
                over = ~cache.read[:, t]
                d_z_now[:, over] = 0
                np.copyto(carried, d_now, where=over)
            if t % FLUSH_EVERY == 0:
                carried[np.abs(carried) < tiny] = 0
    sums = _sums(cell, cache, batch_first(d_z))
    return *sums[:-1], batch_first(d_state), batch_first(d_z), sums[-1], carried.T


def _sums(cell: Cell, cache: Cache, d_z: np.ndarray) -> list[np.ndarray]:
    """Gradients of the three weights and of the inputs, from a block of some 1,000 rows at once."""
    *weights, d_x = (np.zeros_like(array) for array in (*cell.weights, cache.x))
    length = max(1, 1024 // len(d_z))
    for start in range(0, d_z.shape[1], length):
        block = np.s_[:, start : start + length]
        rows = [_rows(part[block]) for part in (cache.x, cache.previous, cache.gates, d_z)]
        for total, share in zip(weights, cell.weight_gradients(*rows), strict=True):
            total += share
        d_x[block] = (rows[-1] @ cell.kernel.T).reshape(-1, len(d_z), cell.features).swapaxes(0, 1)
    return [*weights, d_x]


def _rows(array: np.ndarray) -> np.ndarray:
    """All steps of all sequences as the rows of one matrix."""
    batch, time, width = array.shape
    return array.transpose(2, 1, 0).reshape(width, time * batch).T


def time_first(array: np.ndarray) -> np.ndarray:
    """From (batch, time, width) to (time, width, batch); a view."""
    return array.transpose(1, 2, 0)


def batch_first(array: np.ndarray) -> np.ndarray:
    """From (time, width, batch) to (batch, time, width); a view."""
    return array.transpose(2, 0, 1)


def _blocks(time: int, batch: int, units: int) -> list[slice]:
    """As many steps at once as fit into a cache: what is done for all of them needs fewer calls."""
    length = max(1, max(2**15 // units, 512) // batch)
    return [slice(start, min(start + length, time)) for start in range(0, time, length)]


class _Loop(Protocol):
    """What each of the cells does at one step, or for all steps of a block at once."""

    def __init__(self, cell: Any) -> None: ...

    def step(
        self, projected: np.ndarray, state: np.ndarray, new: np.ndarray, gates: np.ndarray
    ) -> None:
        """Write the new state and the gates."""

    def factors(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> Arrays:
        """What a step back multiplies by and is known before: for all steps of a block."""

    def step_back(
        self, d_state: np.ndarray, factors: Arrays, d_z: np.ndarray, d_previous: np.ndarray
    ) -> None:
        """Write the gradients with respect to the projected input and the state before."""


class _SimpleRNN:
    """`SimpleRNNCell.step` and `step_back`."""

    def __init__(self, cell: SimpleRNNCell) -> None:
        self.activation, self.derivative = ACTIVATIONS[cell.activation]
        self.kernel, self.transposed = cell.recurrent_kernel, cell.recurrent_kernel.T

    def step(
        self, projected: np.ndarray, state: np.ndarray, new: np.ndarray, gates: np.ndarray
    ) -> None:
        self.transposed.dot(state, out=new)
        new += projected
        self.activation(new, out=new)

    def factors(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> Arrays:
        return (self.derivative(states),)

    def step_back(
        self, d_state: np.ndarray, factors: Arrays, d_z: np.ndarray, d_previous: np.ndarray
    ) -> None:
        np.multiply(d_state, factors[0], out=d_z)
        self.kernel.dot(d_z, out=d_previous)


class _LSTM:
    """`LSTMCell.step` and `step_back`."""

    def __init__(self, cell: LSTMCell) -> None:
        self.kernel, self.transposed = cell.recurrent_kernel, cell.recurrent_kernel.T
        self.units = cell.units

    def step(
        self, projected: np.ndarray, state: np.ndarray, new: np.ndarray, gates: np.ndarray
    ) -> None:
        n = self.units
        self.transposed.dot(state[:n], out=gates)
        gates += projected
        g = gates[2 * n : 3 * n]
        candidate = np.tanh(g)
        _sigmoid(gates)  # of all four blocks: one call is faster than two
        g[...] = candidate
        h, c = new[:n], new[n:]
        np.multiply(gates[n : 2 * n], state[n:], out=c)
        candidate *= gates[:n]
        c += candidate
        np.tanh(c, out=h)
        h *= gates[3 * n :]

    def factors(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> Arrays:
        n = self.units
        i, f, g, o = (gates[:, k * n : (k + 1) * n] for k in range(4))
        tanh_c = np.tanh(states[:, n:])
        of_c = g * i * (1 - i), previous[:, n:] * f * (1 - f), i * (1 - g * g)
        of_h = tanh_c * o * (1 - o)
        return o * (1 - tanh_c * tanh_c), np.stack(of_c, axis=1), of_h, f

    def step_back(
        self, d_state: np.ndarray, factors: Arrays, d_z: np.ndarray, d_previous: np.ndarray
    ) -> None:
        n = self.units
        (h_to_c, of_c, of_h, f), (d_h, d_c) = factors, (d_state[:n], d_state[n:])
        d_c = d_c + d_h * h_to_c
        np.multiply(d_c, of_c, out=d_z[: 3 * n].reshape(of_c.shape))
        np.multiply(d_h, of_h, out=d_z[3 * n :])
        self.kernel.dot(d_z, out=d_previous[:n])
        np.multiply(d_c, f, out=d_previous[n:])


class _GRU:
    """`GRUCell.step` and `step_back`."""

    def __init__(self, cell: GRUCell) -> None:
        self.units, self.reset_after = cell.units, cell.reset_after
        n = cell.units
        self.kernel, self.transposed = cell.recurrent_kernel, cell.recurrent_kernel.T
        self.bias = cell.bias[1, 2 * n :, None] if cell.reset_after else cell.bias[:0]

    def step(
        self, projected: np.ndarray, state: np.ndarray, new: np.ndarray, gates: np.ndarray
    ) -> None:
        n, kernel = self.units, self.transposed
        zr, g, scaled = gates[: 2 * n], gates[2 * n : 3 * n], gates[3 * n :]
        if self.reset_after:
            kernel.dot(state, out=gates[: 3 * n])
            np.add(g, self.bias, out=scaled)
        else:
            kernel[: 2 * n].dot(state, out=zr)
            scaled[...] = state
        zr += projected[: 2 * n]
        _sigmoid(zr)
        z, r = zr[:n], zr[n:]
        np.multiply(r, scaled, out=g)
        if not self.reset_after:
            g[...] = kernel[2 * n :].dot(g)
        g += projected[2 * n :]
        np.tanh(g, out=g)
        np.multiply(z, state, out=new)  # the very state where z is 1
        new += (1 - z) * g

    def factors(self, previous: np.ndarray, states: np.ndarray, gates: np.ndarray) -> Arrays:
        n = self.units
        z, r, g, scaled = (gates[:, k * n : (k + 1) * n] for k in range(4))
        of_z, of_r, of_g = (previous - g) * z * (1 - z), scaled * r * (1 - r), (1 - z) * (1 - g * g)
        if self.reset_after:  # else what comes back to r must pass the product with W_g
            return of_g, np.stack((of_z, of_g * of_r, of_g * r), axis=1), z
        return of_g, of_z, of_r, r, z

    def step_back(
        self, d_state: np.ndarray, factors: Arrays, d_z: np.ndarray, d_previous: np.ndarray
    ) -> None:
        n, kernel = self.units, self.kernel
        np.multiply(d_state, factors[0], out=d_z[2 * n :])
        if self.reset_after:
            d_recurrent = (d_state * factors[1]).reshape(d_z.shape)
            d_z[: 2 * n] = d_recurrent[: 2 * n]
            kernel.dot(d_recurrent, out=d_previous)
        else:
            d_hidden = kernel[:, 2 * n :].dot(d_z[2 * n :])  # with respect to r * h
            np.multiply(d_state, factors[1], out=d_z[:n])
            np.multiply(d_hidden, factors[2], out=d_z[n : 2 * n])
            kernel[:, : 2 * n].dot(d_z[: 2 * n], out=d_previous)
            d_previous += d_hidden * factors[3]
        d_previous += d_state * factors[-1]


def _sigmoid(z: np.ndarray) -> None:
    """``exp(z) / (1 + exp(z))`` in place; large z are cut, where it is 1 anyway."""
    np.minimum(z, z.dtype.type(80), out=z)
    np.exp(z, out=z)
    z /= 1 + z


LOOPS: dict[type[Cell], type[_Loop]] = {SimpleRNNCell: _SimpleRNN, LSTMCell: _LSTM, GRUCell: _GRU}
