"""Run a cell through time, and backpropagate through time: the only loops over time."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from unrolled import fast
from unrolled.cells import Cell


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
    """Gradients of a scalar loss L, each of the shape of what it is taken with respect to."""

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
    state = np.zeros((batch, cell.state_size), cell.dtype)
    if initial_state is not None:
        state = _checked("initial_state", initial_state, state.shape, cell.dtype)
    loop = fast.forward if fast.knows(cell) else _forward
    states, gates = loop(cell, x, state, read)
    return states[:, 1:], Cache(x.copy(), states[:, :-1], states[:, 1:], gates, read)


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
    loop = fast.backward if fast.knows(cell) else _backward
    return Gradients(*loop(cell, cache, d_states))


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
    identity = np.eye(cell.state_size, dtype=cell.dtype)
    everywhere = np.broadcast_to(identity, (*cache.read.shape, *identity.shape))
    now = (np.expand_dims(part, 2) for part in (cache.previous, cache.states, cache.gates))
    _, d_previous = cell.step_back(everywhere, *now)
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
    parts = cache.x, cache.previous, cache.gates, gradients.pre_activations
    by_step = (part.swapaxes(0, 1) for part in parts)
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


def _forward(
    cell: Cell, x: np.ndarray, state: np.ndarray, read: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The states, from the one before the first step on, and the gates."""
    states, gates = [state], []
    for projected, is_read in zip(cell.project(x).swapaxes(0, 1), read.T, strict=True):
        new, kept = cell.step(projected, states[-1])
        states.append(np.where(is_read[:, None], new, states[-1]))
        gates.append(kept)
    return np.stack(states, axis=1), np.stack(gates, axis=1)


def _backward(cell: Cell, cache: Cache, d_states: np.ndarray) -> tuple[np.ndarray, ...]:
    """All gradients in the order of `Gradients`."""
    d_states, d_z = d_states.copy(), np.empty((*cache.read.shape, cell.kernel.shape[1]), cell.dtype)
    carried = np.zeros_like(d_states[:, 0])
    for t in reversed(range(d_states.shape[1])):
        d_states[:, t] += carried
        now = cache.previous[:, t], cache.states[:, t], cache.gates[:, t]
        d_z_t, d_previous = cell.step_back(d_states[:, t], *now)
        is_read = cache.read[:, t, None]  # where a sequence is over, its state stands still
        d_z[:, t] = np.where(is_read, d_z_t, 0)
        carried = np.where(is_read, d_previous, d_states[:, t])
        carried[np.abs(carried) < np.finfo(cell.dtype).tiny] = 0
    rows = map(np.concatenate, (cache.x, cache.previous, cache.gates, d_z))  # of all sequences
    weights = cell.weight_gradients(*rows)
    return *weights, d_states, d_z, d_z @ cell.kernel.T, carried


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
