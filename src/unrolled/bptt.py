"""Run a cell through time, and backpropagate through time: the only loops over time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import signature
from itertools import accumulate
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from unrolled.cells import Cell, Pair
from unrolled.memory import empty
from unrolled.threads import threads_for


class Cache(NamedTuple):
    """What the backward pass remembers of the forward pass; `states` is what `unroll` returned."""

    x: np.ndarray  #: inputs, (batch, time, features)
    previous: np.ndarray  #: the state before every step, (batch, time, state_size)
    states: np.ndarray  #: the state after every step, (batch, time, state_size)
    gates: np.ndarray  #: what the cell keeps besides, (batch, time, gates * units)
    read: np.ndarray  #: False where a sequence is over and its state stands still, (batch, time)

    def steps(self, start: int, end: int) -> Self:
        """The same for the steps start + 1 to end alone."""
        return type(self)(*(part[:, start:end] for part in self))


class Gradients(NamedTuple):
    """Gradients of a scalar loss L, each of the shape of the thing it is the gradient of."""

    kernel: np.ndarray  #: dL/d kernel, summed over batch and time
    recurrent_kernel: np.ndarray  #: dL/d recurrent_kernel, summed likewise
    bias: np.ndarray  #: dL/d bias, summed likewise
    states: np.ndarray  #: total dL/d state_t, (batch, time, state_size)
    pre_activations: np.ndarray  #: total dL/d project(x_t), (batch, time, columns of the kernel)
    inputs: np.ndarray  #: dL/dx_t, (batch, time, features)
    initial_state: np.ndarray  #: dL/d state_0, (batch, state_size)

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients of kernel, recurrent kernel and bias, in the order of ``cell.weights``."""
        return self.kernel, self.recurrent_kernel, self.bias


class GradientsByStep(NamedTuple):
    """The share of each time step in the parameter gradients, summed over the batch."""

    kernel: np.ndarray  #: time first, then as the kernel
    recurrent_kernel: np.ndarray  #: time first, then as the recurrent kernel
    bias: np.ndarray  #: time first, then as the bias


def unroll(
    cell: Cell,
    x: ArrayLike,
    initial_state: ArrayLike | None = None,
    *,
    lengths: ArrayLike | None = None,
) -> tuple[np.ndarray, Cache]:
    """Apply one cell to every step of a sequence, with the same weights at each.

    ``state_t = cell(x_t, state_{t-1})`` for t = 1..T. The inputs of many steps are projected in
    one matrix product; only the recurrence itself runs step by step.

    Parameters
    ----------
    cell : Cell
        The cell: SimpleRNNCell, LSTMCell, GRUCell, DiagonalLinearCell or one of your own.
    x : ndarray of shape (batch, time, features)
        The input sequences, at least one step long; converted to the dtype of the cell.
    initial_state : ndarray of shape (batch, state_size), optional
        The state before the first step; zeros if not given.
    lengths : ndarray of int of shape (batch,), optional
        How many steps of each sequence are read, from 1 to `time`; all if not given. After its
        last step the state of a sequence stands still, as under a mask in Keras, so that
        ``states[:, -1]`` is the state after the last step that was read.

    Returns
    -------
    states : ndarray of shape (batch, time, state_size)
        The state after every step: h_t, or (h_t, c_t) side by side for an LSTM.
    cache : Cache
        What `backpropagate_through_time` needs.

    Raises
    ------
    ValueError
        If a shape does not fit the cell, a sequence is empty, a length is not between 1 and
        `time`, or a value is not finite.
    TypeError
        If `cell` is not a cell.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell, unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> states.shape
    (2, 7, 4)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)), lengths=[7, 5])
    >>> bool(np.all(states[1, 4] == states[1, 6]))
    True
    """
    if not isinstance(cell, Cell):
        raise TypeError(f"expected a cell such as SimpleRNNCell, got {type(cell).__name__}")
    x = _checked("x", x, ("batch", "time", cell.features), cell.dtype)
    batch, time, _ = x.shape
    read = _read(lengths, batch, time)
    columns = cell.kernel.shape[1]
    widths = cell.features, cell.state_size, cell.gates * cell.units
    inputs, trajectory, gates = _empty(time + 1, batch, widths, cell.dtype)
    inputs[1:], trajectory[0] = _swap(x), 0
    if initial_state is not None:
        shape = (batch, cell.state_size)
        trajectory[0] = _checked("initial_state", initial_state, shape, cell.dtype)
    x, gates = inputs[1:], gates[1:]
    step, length = _writing(cell, "step"), _block_length(batch, cell.units)
    (projected,) = _empty(min(time, length), batch, (columns,), cell.dtype)
    shortest = time if lengths is None else read.sum(axis=1).min()
    for start in range(0, time, length):
        end = min(start + length, time)
        rows = _rows(x[start:end])
        with threads_for(rows.size * columns):
            projected[: end - start] = cell.project(rows).reshape(-1, batch, columns)
        with threads_for(batch * cell.units * columns):
            for t in range(start, end):
                step(projected[t - start], trajectory[t], out=(trajectory[t + 1], gates[t]))
                if t >= shortest:
                    over = ~read[:, t]
                    trajectory[t + 1][over] = trajectory[t][over]
    states = _swap(trajectory[1:])
    return states, Cache(_swap(x), _swap(trajectory[:-1]), states, _swap(gates), read)


def backpropagate_through_time(cell: Cell, cache: Cache, d_states: ArrayLike) -> Gradients:
    """Gradients of a loss with respect to every state, input and parameter.

    With s_t the state and z_t = project(x_t), the loop computes for t = T..1, gradients as rows,

        dL/ds_t = d_states_t + dL/ds_{t+1} @ (ds_{t+1} / ds_t)
        dL/dz_t = dL/ds_t @ (ds_t / dz_t)

    and the parameter gradients of many steps are then one matrix product each. In a SimpleRNN the
    two products are ``dL/dz_{t+1} @ recurrent_kernel.T`` and ``dL/dh_t * activation'(z_t)``.

    Parameters
    ----------
    cell : Cell
        The cell that was unrolled.
    cache : Cache
        The second result of `unroll`, from the same cell with the same weights.
    d_states : ndarray of shape (batch, time, state_size)
        Immediate gradient of the loss with respect to each state: what reaches it directly, not
        through later states. Zero except at the last step if the loss reads the last state only;
        zero in the second half of the last axis if the loss does not read c of an LSTM.

    Returns
    -------
    Gradients
        Parameter gradients are summed over batch and time; `states` holds total derivatives. For an
        LSTM these are dL/dh_t with c_t held fixed, and dL/dc_t with h_t held fixed.

    Raises
    ------
    ValueError
        If `d_states` does not have the shape of the states, the cache is not from a cell of this
        size, or a value is not finite.
    TypeError
        If `cache` is not the second result of `unroll`.

    Notes
    -----
    A vanishing gradient passes through the subnormal numbers (below 1e-38 in float32), which most
    processors handle many times more slowly. They are set to zero every few steps.

    References
    ----------
    Werbos (1990), "Backpropagation through time: what it does and how to do it", Proceedings of
    the IEEE 78(10).

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell, backpropagate_through_time, unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> d_states = np.zeros_like(states)
    >>> d_states[:, -1] = 1.0  # L = the sum of the last states
    >>> gradients = backpropagate_through_time(cell, cache, d_states)
    >>> gradients.states.shape, gradients.recurrent_kernel.shape
    ((2, 7, 4), (4, 4))
    """
    _check_cache(cell, cache)
    d_states = _checked("d_states", d_states, cache.states.shape, cell.dtype)
    x, previous, states, gates, read = map(_swap, cache)
    (time, batch, _), columns = x.shape, cell.kernel.shape[1]
    widths = cell.features, cell.state_size, columns
    inputs, d_state, d_z = _empty(time, batch, widths, cell.dtype)
    d_state[...] = _swap(d_states)
    carried = np.zeros_like(d_state[0])
    by_step = map(_swap, (d_state, d_z, inputs))
    gradients = Gradients(*(*map(np.zeros_like, cell.weights), *by_step, carried))
    step_back, length = _writing(cell, "step_back"), _block_length(batch, cell.units)
    for start in reversed(range(0, time, length)):
        block = slice(start, start + length)
        slopes = cell.slopes(previous[block], states[block], gates[block])
        over, all_read = ~read[block], read[block].all()
        if not all_read:
            slopes = np.array(slopes)  # which may be the states themselves
            slopes[over] = 0
        with threads_for(batch * cell.units * columns):  # for the weights, too: blocks are many
            for t in reversed(range(start, min(start + length, time))):
                np.add(d_state[t], carried, out=d_state[t])
                step_back(d_state[t], slopes[t - start], out=(d_z[t], carried))
                if not all_read:
                    carried += np.where(over[t - start, :, None], d_state[t], 0)
                if t % 16 == 0:
                    _flush(carried)
            rows = [_rows(array[block]) for array in (x, previous, gates, d_z)]
            for total, share in zip(gradients.weights, cell.weight_gradients(*rows), strict=True):
                total += share
            inputs[block] = (rows[-1] @ cell.kernel.T).reshape(inputs[block].shape)
    return gradients


def jacobians(cell: Cell, cache: Cache) -> np.ndarray:
    """State-to-state Jacobian of every step, ``J[i, j] = d state_t[i] / d state_{t-1}[j]``.

    Row i is what the cell's step back makes of the gradient that is 1 for number i of the state.

    Parameters
    ----------
    cell : Cell
        The cell that was unrolled.
    cache : Cache
        The second result of `unroll`.

    Returns
    -------
    ndarray of shape (batch, time, state_size, state_size)
        Of an LSTM four blocks: rows and columns for h first, then for c. The identity where a
        sequence is over.

    Raises
    ------
    ValueError
        If the cache is not from a cell of this size.
    TypeError
        If `cache` is not the second result of `unroll`.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import LSTMCell, jacobians, unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = LSTMCell.initialize(features=1, units=3, rng=rng)
    >>> _, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> steps = jacobians(cell, cache)
    >>> steps.shape
    (2, 7, 6, 6)
    >>> forget_gates = cache.gates[..., 3:6]
    >>> bool(np.all(np.diagonal(steps[..., 3:, 3:], axis1=-2, axis2=-1) == forget_gates))
    True
    """
    _check_cache(cell, cache)
    slopes = cell.slopes(cache.previous, cache.states, cache.gates)
    identity = np.eye(cell.state_size, dtype=cell.dtype)
    everywhere = np.broadcast_to(identity, (*cache.read.shape, *identity.shape))
    _, d_previous = cell.step_back(everywhere, slopes[:, :, None])
    d_previous[~cache.read] = identity
    return d_previous


def gradients_by_step(cell: Cell, cache: Cache, gradients: Gradients) -> GradientsByStep:
    """Split the parameter gradients into the terms of their sum over time.

    The weights are shared, so dL/dW = sum over t of (dL/dz_t)(dz_t/dW): this returns the terms.

    Parameters
    ----------
    cell : Cell
        The cell that was unrolled.
    cache : Cache
        The second result of `unroll`.
    gradients : Gradients
        The result of `backpropagate_through_time`.

    Returns
    -------
    GradientsByStep
        Arrays with a leading time axis; their sum over it is the parameter gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import (SimpleRNNCell, backpropagate_through_time, gradients_by_step,
    ...                       unroll)
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> gradients = backpropagate_through_time(cell, cache, np.ones_like(states))
    >>> shares = gradients_by_step(cell, cache, gradients).recurrent_kernel
    >>> shares.shape, bool(np.allclose(shares.sum(axis=0), gradients.recurrent_kernel))
    ((7, 4, 4), True)
    """
    _check_cache(cell, cache)
    by_step = map(_swap, (cache.x, cache.previous, cache.gates, gradients.pre_activations))
    return GradientsByStep(*cell.weight_gradients(*by_step))


def truncated_backpropagation_through_time(
    cell: Cell, cache: Cache, d_states: ArrayLike, *, every: int, steps: int
) -> Gradients:
    """Backpropagate only `steps` steps back, once every `every` steps: TBPTT(k1, k2).

    After every `every` = k1 steps, the loss of those steps is sent back through the newest
    `steps` = k2 steps, and cut there. With ``every=1`` each loss reaches exactly the k2 newest
    states (fewer at the start of the sequence); ``every=steps`` cuts a sequence of a multiple of
    `steps` into chunks, as most frameworks do. The last pass starts from the last step, even if it
    comes after fewer than k1 steps.

    Parameters
    ----------
    cell, cache, d_states
        As in `backpropagate_through_time`. The forward pass is never truncated.
    every : int
        k1, how many steps lie between two backward passes; from 1 to `steps`.
    steps : int
        k2, how many steps each backward pass covers.

    Returns
    -------
    Gradients
        The sum over all backward passes; with ``steps >= time`` the full gradient, whatever
        `every`. `initial_state` counts what reaches h_0 in a pass that covers step 1.

    Raises
    ------
    ValueError
        If not 1 <= every <= steps, a shape does not fit, or a value is not finite.

    References
    ----------
    Williams and Peng (1990), "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories", Neural Computation 2(4).

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell, truncated_backpropagation_through_time, unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 12, 1)))
    >>> d_states = np.zeros_like(states)
    >>> d_states[:, -1] = 1.0
    >>> gradients = truncated_backpropagation_through_time(
    ...     cell, cache, d_states, every=1, steps=3)
    >>> np.flatnonzero(np.abs(gradients.states).sum(axis=(0, 2)))
    array([ 9, 10, 11])
    """
    if not 1 <= every <= steps:
        raise ValueError(f"expected 1 <= every <= steps, got every={every} and steps={steps}")
    _check_cache(cell, cache)
    d_states = _checked("d_states", d_states, cache.states.shape, cell.dtype)
    time = d_states.shape[1]
    d_z = np.empty((*d_states.shape[:2], cell.kernel.shape[1]), cell.dtype)
    like = (*cell.weights, d_states, d_z, cache.x, d_states[:, 0])
    total = Gradients(*map(np.zeros_like, like))
    for end in [*range(every, time, every), time]:
        start, first_loss = max(0, end - steps), every * ((end - 1) // every)
        d_window = d_states[:, start:end].copy()
        d_window[:, : first_loss - start] = 0
        part = backpropagate_through_time(cell, cache.steps(start, end), d_window)
        for whole, share in zip(total.weights, part.weights, strict=True):
            whole[...] += share
        for name in ("states", "pre_activations", "inputs"):
            getattr(total, name)[:, start:end] += getattr(part, name)
        if start == 0:
            total.initial_state[...] += part.initial_state
    return total


def _swap(array: np.ndarray) -> np.ndarray:
    """Exchange the batch and time axes; a view."""
    return array.swapaxes(0, 1)


def _empty(time: int, batch: int, widths: tuple[int, ...], dtype: DTypeLike) -> list[np.ndarray]:
    """Room for arrays (time, batch, width), in memory (time, widths, batch).

    So every step is one contiguous block, and so is every gate of a step.
    """
    memory = empty((time, sum(widths), batch), dtype).swapaxes(1, 2)
    ends = accumulate(widths)
    return [memory[..., end - width : end] for end, width in zip(ends, widths, strict=True)]


def _rows(array: np.ndarray) -> np.ndarray:
    """All steps of all sequences as the rows of one matrix."""
    time, batch, width = array.shape
    rows = empty((width, time, batch), array.dtype)
    rows[...] = array.transpose(2, 0, 1)
    return rows.reshape(width, time * batch).T


def _block_length(batch: int, units: int) -> int:
    """How many steps are treated at once where they can be: few calls, and arrays that fit a cache.

    A matrix product over the steps and sequences of a block has to be long enough, too.
    """
    return max(1, max(2**15 // units, 512) // batch)


def _writing(cell: Cell, name: str) -> Callable[..., Any]:
    """A method of the cell if it takes `out`; otherwise one that copies to `out` what it gives."""
    method: Callable[..., Pair] = getattr(cell, name)
    if _takes_out(type(cell), name):
        return method

    def writing(*arguments: np.ndarray, out: Pair) -> None:
        for whole, part in zip(out, method(*arguments), strict=True):
            whole[...] = part

    return writing


@cache
def _takes_out(cell: type[Cell], name: str) -> bool:
    return "out" in signature(getattr(cell, name)).parameters


def _flush(gradient: np.ndarray) -> None:
    """Set numbers that are subnormal to zero, in place."""
    gradient[np.abs(gradient) < np.finfo(gradient.dtype).tiny] = 0


def _read(lengths: ArrayLike | None, batch: int, time: int) -> np.ndarray:
    """Which steps are read, as booleans of shape (batch, time)."""
    if lengths is None:
        return np.ones((batch, time), bool)
    counts = np.asarray(lengths)
    if counts.shape != (batch,) or counts.dtype.kind not in "iu":
        raise ValueError(
            f"expected lengths as integers of shape ({batch},), got {counts.dtype} of shape "
            f"{counts.shape}"
        )
    if counts.min() < 1 or counts.max() > time:
        raise ValueError(f"expected lengths between 1 and {time}, got {counts.tolist()}")
    return np.arange(time) < counts[:, None]


def _check_cache(cell: Cell, cache: Cache) -> None:
    if not isinstance(cache, Cache):
        raise TypeError(f"expected the cache that unroll returned, got {type(cache).__name__}")
    got = cache.x.shape[-1], cache.states.shape[-1], cache.gates.shape[-1]
    wanted = cell.features, cell.state_size, cell.gates * cell.units
    if got != wanted or cache.states.dtype != cell.dtype:
        raise ValueError(
            "expected the cache of this cell, with features, state_size and gates of "
            f"{wanted} and {cell.dtype}, got {got} and {cache.states.dtype}"
        )


def _checked(
    name: str, values: ArrayLike, shape: tuple[int | str, ...], dtype: DTypeLike
) -> np.ndarray:
    """`values` as `dtype`; `shape` may hold names for sizes that are free but at least 1."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"expected real numbers in {name}, got {array.dtype}")
    array = array.astype(dtype, copy=False)
    fits = array.ndim == len(shape) and all(
        size >= 1 if isinstance(wanted, str) else size == wanted
        for size, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, shape))
        raise ValueError(
            f"expected {name} of shape ({wanted}) with no empty axis, got {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite values in {name}, got NaN or infinity")
    return array
