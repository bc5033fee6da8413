"""Run a cell through time, and backpropagate through time: the only loops over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Cache(NamedTuple):
    """What the backward pass remembers of the forward pass; `states` is what `unroll` returned."""

    x: np.ndarray  #: inputs, (batch, time, features)
    previous: np.ndarray  #: h_{t-1} for every step, (batch, time, units)
    states: np.ndarray  #: h_t for every step, (batch, time, units)


class Gradients(NamedTuple):
    """Gradients of a scalar loss L, each of the shape of the thing it is the gradient of."""

    kernel: np.ndarray  #: dL/d kernel, (features, units), summed over batch and time
    recurrent_kernel: np.ndarray  #: dL/d recurrent_kernel, (units, units), summed likewise
    bias: np.ndarray  #: dL/d bias, (units,), summed likewise
    states: np.ndarray  #: total dL/dh_t, (batch, time, units)
    pre_activations: np.ndarray  #: total dL/dz_t, (batch, time, units)
    inputs: np.ndarray  #: dL/dx_t, (batch, time, features)
    initial_state: np.ndarray  #: dL/dh_0, (batch, units)


class GradientsByStep(NamedTuple):
    """The share of each time step in the parameter gradients, summed over the batch."""

    kernel: np.ndarray  #: (time, features, units)
    recurrent_kernel: np.ndarray  #: (time, units, units)
    bias: np.ndarray  #: (time, units)


def unroll(cell, x, initial_state=None):
    """Apply one cell to every step of a sequence, with the same weights at each.

    ``h_t = cell(x_t, h_{t-1})`` for t = 1..T. All input projections are one matrix product; only
    the recurrence itself runs step by step.

    Parameters
    ----------
    cell : SimpleRNNCell
        The cell.
    x : ndarray of shape (batch, time, features)
        The input sequences, at least one step long; converted to the dtype of the cell.
    initial_state : ndarray of shape (batch, units), optional
        The state h_0 before the first step; zeros if not given.

    Returns
    -------
    states : ndarray of shape (batch, time, units)
        The state after every step.
    cache : Cache
        What `backpropagate_through_time` needs.

    Raises
    ------
    ValueError
        If a shape does not fit the cell, a sequence is empty, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell, unroll
    >>> rng = np.random.default_rng(0)
    >>> cell = SimpleRNNCell.initialize(features=1, units=4, rng=rng)
    >>> states, cache = unroll(cell, rng.normal(size=(2, 7, 1)))
    >>> states.shape
    (2, 7, 4)
    """
    x = _checked("x", x, ("batch", "time", cell.features), cell.dtype)
    batch, time, _ = x.shape
    trajectory = np.empty((time + 1, batch, cell.units), cell.dtype)
    trajectory[0] = 0
    if initial_state is not None:
        trajectory[0] = _checked("initial_state", initial_state, (batch, cell.units), cell.dtype)
    # Time comes first in memory, so that every step reads and writes one contiguous block.
    x = _swap(x).copy()
    projected = cell.project(_rows(x)).reshape(time, batch, cell.units)
    for t in range(time):
        trajectory[t + 1] = cell.step(projected[t], trajectory[t])
    states = _swap(trajectory[1:])
    return states, Cache(_swap(x), _swap(trajectory[:-1]), states)


def backpropagate_through_time(cell, cache, d_states):
    """Gradients of a loss with respect to every state, input and parameter.

    With z_t the pre-activation, the loop computes for t = T..1, all gradients as rows,

        dL/dh_t = d_states_t + dL/dz_{t+1} @ recurrent_kernel.T
        dL/dz_t = dL/dh_t * activation'(z_t)

    and each parameter gradient is then one matrix product over all steps at once.

    Parameters
    ----------
    cell : SimpleRNNCell
        The cell that was unrolled.
    cache : Cache
        The second result of `unroll`, from the same cell with the same weights.
    d_states : ndarray of shape (batch, time, units)
        Immediate gradient of the loss with respect to each state: what reaches h_t directly,
        not through later states. Zero except at the last step if the loss reads h_T only.

    Returns
    -------
    Gradients
        Parameter gradients are summed over batch and time; `states` holds total derivatives.

    Raises
    ------
    ValueError
        If `d_states` does not have the shape of the states, or a value is not finite.

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
    d_states = _checked("d_states", d_states, cache.states.shape, cell.dtype)
    x, previous, states = map(_swap, cache)
    slopes = cell.slope(states)
    d_h = _swap(d_states).copy()
    d_z = np.empty_like(d_h)
    carried = np.zeros_like(d_h[0])
    for t in reversed(range(len(d_h))):
        d_h[t] += carried
        d_z[t], carried = cell.step_back(d_h[t], slopes[t])
    return Gradients(
        kernel=_rows(x).T @ _rows(d_z),
        recurrent_kernel=_rows(previous).T @ _rows(d_z),
        bias=d_z.sum(axis=1).sum(axis=0),  # two short sums round less than one long sum
        states=_swap(d_h),
        pre_activations=_swap(d_z),
        inputs=_swap((_rows(d_z) @ cell.kernel.T).reshape(x.shape)),
        initial_state=carried,
    )


def gradients_by_step(cache, gradients):
    """Split the parameter gradients into the terms of their sum over time.

    The weights are shared, so dL/dW = sum over t of (dL/dz_t)(dz_t/dW): this returns the terms.

    Parameters
    ----------
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
    >>> shares = gradients_by_step(cache, gradients).recurrent_kernel
    >>> shares.shape, bool(np.allclose(shares.sum(axis=0), gradients.recurrent_kernel))
    ((7, 4, 4), True)
    """
    x, previous, d_z = map(_swap, (cache.x, cache.previous, gradients.pre_activations))
    return GradientsByStep(
        kernel=x.swapaxes(1, 2) @ d_z,
        recurrent_kernel=previous.swapaxes(1, 2) @ d_z,
        bias=d_z.sum(axis=1),
    )


def truncated_backpropagation_through_time(cell, cache, d_states, *, every, steps):
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
    d_states = _checked("d_states", d_states, cache.states.shape, cell.dtype)
    time = d_states.shape[1]
    weights = (cell.kernel, cell.recurrent_kernel, cell.bias)
    total = Gradients(*map(np.zeros_like, (*weights, d_states, d_states, cache.x, d_states[:, 0])))
    for end in [*range(every, time, every), time]:
        start, first_loss = max(0, end - steps), every * ((end - 1) // every)
        window = Cache(*(part[:, start:end] for part in cache))
        d_window = d_states[:, start:end].copy()
        d_window[:, : first_loss - start] = 0
        part = backpropagate_through_time(cell, window, d_window)
        for name in ("kernel", "recurrent_kernel", "bias"):
            getattr(total, name)[...] += getattr(part, name)
        for name in ("states", "pre_activations", "inputs"):
            getattr(total, name)[:, start:end] += getattr(part, name)
        if start == 0:
            total.initial_state[...] += part.initial_state
    return total


def _swap(array):
    """Exchange the batch and time axes; a view."""
    return array.swapaxes(0, 1)


def _rows(array):
    """All steps of all sequences as the rows of one matrix; a view if time comes first."""
    return array.reshape(-1, array.shape[-1])


def _checked(name, array, shape, dtype):
    """`array` as `dtype`; `shape` may hold names for sizes that are free but at least 1."""
    array = np.asarray(array, dtype)
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
