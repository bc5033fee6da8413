"""The fast loops against the plain ones: the same numbers for whatever `unroll` accepts."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
from cell_kinds import CELLS
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled import (
    DiagonalLinearCell,
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    backpropagate_through_time,
    fast,
    truncated_backpropagation_through_time,
    unroll,
)

FAST = [kind for kind in CELLS if kind != "diagonal"]
# The last has more steps than fit into a block, and more rows than are summed at once.
SHAPES = [(1, 1, 1, 1), (1, 9, 2, 3), (4, 1, 3, 2), (40, 60, 2, 30)]
ROUNDING = 200  # units in the last place of the largest number: sums in another order


def problem(kind, shape, dtype, seed=0):
    """A cell, sequences, an initial state and the immediate gradients of a loss."""
    batch, time, features, units = shape
    rng = np.random.default_rng(seed)
    cell = CELLS[kind](features, units, rng, dtype=dtype)
    bias = (cell.bias + rng.normal(0, 0.3, cell.bias.shape)).astype(dtype)
    x = rng.normal(size=(batch, time, features))
    start = rng.normal(size=(batch, cell.state_size))
    d_states = rng.normal(size=(batch, time, cell.state_size))
    return dataclasses.replace(cell, bias=bias), x, start, d_states


def run(kind, shape, dtype, lengths, window, seed=0):
    """States, what is kept of them, and all gradients, each under its name."""
    cell, x, start, d_states = problem(kind, shape, dtype, seed)
    states, cache = unroll(cell, x, start, lengths=lengths)
    if window is None:
        gradients = backpropagate_through_time(cell, cache, d_states)
    else:
        every, steps = window
        gradients = truncated_backpropagation_through_time(
            cell, cache, d_states, every=every, steps=steps
        )
    kept = {f"kept {name}": part for name, part in cache._asdict().items()}
    return {"result": states, **kept, **gradients._asdict()}


def assert_fast_equals_plain(*arguments):
    with mock.patch.object(fast, "knows", lambda cell: False):
        plain = run(*arguments)
    for name, got in run(*arguments).items():
        assert got.dtype == plain[name].dtype and got.shape == plain[name].shape, name
        if got.dtype == bool:
            assert np.array_equal(got, plain[name]), name
        else:
            size = np.abs(plain[name]).max(initial=0)
            limit = ROUNDING * np.finfo(got.dtype).eps * size
            np.testing.assert_allclose(got, plain[name], rtol=0, atol=limit, err_msg=name)


@pytest.mark.parametrize("window", [None, (1, 2), (2, 5)], ids=["whole", "1 of 2", "2 of 5"])
@pytest.mark.parametrize("padded", [False, True], ids=["whole", "padded"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", FAST)
def test_fast_equals_plain(kind, shape, dtype, padded, window):
    batch, time, _, _ = shape
    lengths = np.random.default_rng(1).integers(1, time + 1, batch) if padded else None
    if window is not None and time > 50:
        window = 10 * window[0], 10 * window[1]
    assert_fast_equals_plain(kind, shape, dtype, lengths, window)


@given(
    st.sampled_from(FAST),
    st.tuples(*(st.integers(1, 6) for _ in range(4))),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_fast_equals_plain_for_any_shape_and_weights(kind, shape, seed):
    lengths = np.random.default_rng(seed).integers(1, shape[1] + 1, shape[0])
    assert_fast_equals_plain(kind, shape, "float64", lengths, (1, shape[1]), seed)


def test_a_planted_error_in_a_fast_loop_is_found():
    step_back = fast._LSTM.step_back

    def slipping(self, d_state, factors, d_z, d_previous):
        step_back(self, d_state, factors, d_z, d_previous)
        d_previous *= 1.00001

    with (
        mock.patch.object(fast._LSTM, "step_back", slipping),
        pytest.raises(AssertionError, match="kernel"),
    ):
        assert_fast_equals_plain("LSTM", (3, 20, 2, 4), "float64", None, None)


def test_only_the_three_standard_cells_themselves_run_fast():
    class Slow(SimpleRNNCell):
        """One of a reader's own, whose step may be another."""

    rng = np.random.default_rng(0)
    for cell in (SimpleRNNCell, LSTMCell, GRUCell):
        assert fast.knows(cell.initialize(1, 2, rng))
    for cell in (Slow, DiagonalLinearCell):
        assert not fast.knows(cell.initialize(1, 2, rng))
