"""Backpropagation through time against Keras, TensorFlow, central differences and identities."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from cell_kinds import CELLS
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled import (
    Cell,
    SimpleRNNCell,
    backpropagate_through_time,
    gradient_check,
    gradients_by_step,
    jacobians,
    relative_error,
    truncated_backpropagation_through_time,
    unroll,
)

# Relative to the norm of an array or, where it is a sum over steps, of the sum of its terms' sizes:
# terms that cancel leave their rounding errors behind, in Keras as here.
PARITY = {"float32": 1e-6, "float64": 1e-12}
SATURATION = 0.3  # keeps |h| away from 1, where 1 - h^2 has few correct digits in float32
CENTRAL_DIFFERENCES = 1e-7  # relative, float64
ROUNDING = 1e-12  # absolute and relative: the same sum in another order
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
SMOOTH = [name for name in CELLS if name != "relu"]  # central differences need derivatives
SHAPES = [(1, 1, 1, 1), (1, 6, 2, 3), (3, 1, 2, 4), (4, 9, 1, 1), (2, 50, 3, 10)]

seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 3), st.integers(1, 4))


class Problem:
    """A random cell with sequences, an initial state and the immediate gradient of a loss.

    The loss is the sum of all states, each weighted by an entry of `d_states`.
    """

    def __init__(self, shape, seed=0, kind="tanh", dtype="float64", scale=1.0, lengths=None):
        batch, time, features, units = shape
        rng = np.random.default_rng(seed)
        cell = CELLS[kind](features, units, rng, dtype=dtype)
        bias = cell.bias + rng.normal(0, scale, cell.bias.shape).astype(dtype)
        self.cell, self.lengths = dataclasses.replace(cell, bias=bias), lengths
        self.x = rng.normal(0, scale, (batch, time, features)).astype(dtype)
        self.initial_state = rng.normal(0, scale, (batch, cell.state_size)).astype(dtype)
        self.d_states = rng.normal(size=(batch, time, cell.state_size)).astype(dtype)
        self.states, self.cache = unroll(self.cell, self.x, self.initial_state, lengths=lengths)

    def loss(self, **changed):
        weights = {name: changed[name] for name in WEIGHTS if name in changed}
        cell = dataclasses.replace(self.cell, **weights)
        x, start = (changed.get(name, getattr(self, name)) for name in ("x", "initial_state"))
        return float(np.sum(self.d_states * unroll(cell, x, start, lengths=self.lengths)[0]))

    def gradients(self, d_states=None):
        d_states = self.d_states if d_states is None else d_states
        return backpropagate_through_time(self.cell, self.cache, d_states)

    def truncated(self, every, steps):
        return truncated_backpropagation_through_time(
            self.cell, self.cache, self.d_states, every=every, steps=steps
        )

    def sizes(self, gradients):
        """Norms of the sums over steps, with the absolute value of every term."""
        cache = self.cache._replace(
            **{name: np.abs(getattr(self.cache, name)) for name in ("x", "previous", "gates")}
        )
        d_z = np.abs(gradients.pre_activations)
        terms = gradients_by_step(self.cell, cache, gradients._replace(pre_activations=d_z))
        return [np.linalg.norm(part.sum(axis=0)) for part in terms]

    def jacobian_product(self, b, later, earlier):
        """d state_later / d state_earlier of sequence b, as a product of Jacobians."""
        steps, product = jacobians(self.cell, self.cache)[b], np.eye(self.cell.state_size)
        for t in range(earlier + 1, later + 1):
            product = steps[t] @ product
        return product

    def piece(self, start, end, d_states):
        """Gradients of steps start..end alone, unrolled afresh from the state before them."""
        before = self.states[:, start - 1] if start else self.initial_state
        _, cache = unroll(self.cell, self.x[:, start:end], before)
        return backpropagate_through_time(self.cell, cache, d_states)


def assert_same(left, right, only=None):
    for name in only or left._fields:
        np.testing.assert_allclose(
            getattr(left, name), getattr(right, name), ROUNDING, ROUNDING, err_msg=name
        )


# Against Keras and TensorFlow


def keras_layer(cell, kind, **options):
    """The Keras layer with the weights of the cell."""
    if kind == "LSTM":
        layer = keras.layers.LSTM(cell.units, **options)
    elif kind.startswith("GRU"):
        layer = keras.layers.GRU(cell.units, reset_after=cell.reset_after, **options)
    else:
        layer = keras.layers.SimpleRNN(cell.units, activation=kind, **options)
    layer.build((None, None, cell.features))
    layer.set_weights(cell.weights)
    return layer


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "padded"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", PARITY)
@pytest.mark.parametrize("kind", [kind for kind in CELLS if kind != "diagonal"])
def test_states_and_gradients_are_those_of_keras(kind, dtype, shape, masked):
    batch, time, _, n = shape
    lengths = np.random.default_rng(1).integers(1, time + 1, batch) if masked else None
    p = Problem(shape, kind=kind, dtype=dtype, scale=SATURATION, lengths=lengths)
    p.d_states[:, :-1, n:] = 0  # Keras shows c of the last step only
    layer = keras_layer(p.cell, kind, return_sequences=True, return_state=True, dtype=dtype)
    x, initial_state = tf.constant(p.x), tf.constant(p.initial_state)
    mask = None if lengths is None else tf.sequence_mask(lengths, time)
    with tf.GradientTape() as tape:
        tape.watch([x, initial_state])
        parts = tf.split(initial_state, p.cell.parts, axis=1)
        h, *last = layer(x, initial_state=parts, mask=mask)
        loss = tf.reduce_sum(h * p.d_states[..., :n])
        if p.cell.parts == 2:
            loss += tf.reduce_sum(last[1] * p.d_states[:, -1, n:])
    weights = [variable.value for variable in layer.trainable_variables]
    *theirs, d_x, d_initial_state = tape.gradient(loss, [*weights, x, initial_state])
    ours = p.gradients()
    assert relative_error(p.states[..., :n], h.numpy()) <= PARITY[dtype]
    assert relative_error(p.states[:, -1], np.concatenate(last, axis=1)) <= PARITY[dtype]
    assert relative_error(ours.inputs, d_x.numpy()) <= PARITY[dtype]
    assert relative_error(ours.initial_state, d_initial_state.numpy()) <= PARITY[dtype]
    for name, gradient, size in zip(WEIGHTS, theirs, p.sizes(ours), strict=True):
        assert np.linalg.norm(getattr(ours, name) - gradient.numpy()) <= PARITY[dtype] * size, name


@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU", "GRU, reset before"])
def test_weights_go_to_keras_and_back_unchanged(kind):
    cell = Problem((1, 1, 2, 3), kind=kind, dtype="float32").cell
    again = type(cell)(*keras_layer(cell, kind).get_weights())
    for ours, theirs in zip(cell.weights, again.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(shape=shapes, seed=seeds)
def test_the_diagonal_cell_is_a_linear_network_of_turned_and_shrunk_pairs(shape, seed):
    p = Problem(shape, seed, "diagonal")
    matrix = np.zeros((p.cell.units, p.cell.units))
    for j, eigenvalue in enumerate(p.cell.eigenvalues):
        a, b = eigenvalue.real, eigenvalue.imag
        matrix[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] = [[a, b], [-b, a]]
    plain = SimpleRNNCell(p.cell.kernel, matrix, p.cell.bias, "linear")
    states, cache = unroll(plain, p.x, p.initial_state)
    np.testing.assert_allclose(p.states, states, ROUNDING, ROUNDING)
    theirs = backpropagate_through_time(plain, cache, p.d_states)
    assert_same(p.gradients(), theirs, ("kernel", "bias", "states", "inputs", "initial_state"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["tanh", "relu", "linear"])
def test_gradients_of_states_are_those_of_automatic_differentiation(kind, shape):
    p = Problem(shape, kind=kind)
    phi = {"tanh": tf.tanh, "relu": tf.nn.relu, "linear": tf.identity}[kind]
    h, states, pre_activations, loss = tf.constant(p.initial_state), [], [], 0.0
    with tf.GradientTape() as tape:
        tape.watch(h)
        for t in range(shape[1]):
            z = p.x[:, t] @ p.cell.kernel + h @ p.cell.recurrent_kernel + p.cell.bias
            h = phi(z)
            pre_activations.append(z)
            states.append(h)
            loss += tf.reduce_sum(h * p.d_states[:, t])
    d_states, d_pre_activations = tape.gradient(loss, [states, pre_activations])
    ours = p.gradients()
    for t in range(shape[1]):
        assert relative_error(ours.states[:, t], d_states[t]) <= PARITY["float64"]
        assert relative_error(ours.pre_activations[:, t], d_pre_activations[t]) <= PARITY["float64"]


# Against central differences


@settings(max_examples=25)
@given(shape=shapes, kind=st.sampled_from(SMOOTH), seed=seeds)
def test_gradients_of_weights_inputs_and_initial_state_are_right(shape, kind, seed):
    p = Problem(shape, seed, kind)
    gradients = p.gradients()
    for name in WEIGHTS:
        gradient_check(
            lambda v, name=name: p.loss(**{name: v}),
            getattr(gradients, name),
            getattr(p.cell, name),
            tolerance=CENTRAL_DIFFERENCES,
        )
    gradient_check(lambda v: p.loss(x=v), gradients.inputs, p.x, tolerance=CENTRAL_DIFFERENCES)
    gradient_check(
        lambda v: p.loss(initial_state=v),
        gradients.initial_state,
        p.initial_state,
        tolerance=CENTRAL_DIFFERENCES,
    )


@settings(max_examples=25)
@given(shape=shapes, kind=st.sampled_from(SMOOTH), seed=seeds)
def test_gradient_of_a_state_is_what_changing_it_changes(shape, kind, seed):
    """Set h_t to a value, go on from there, and differentiate the loss of all that follows."""
    p = Problem(shape, seed, kind)
    gradients = p.gradients()
    time = shape[1]
    for t in range(time):

        def loss_from(h, t=t):
            loss = np.sum(p.d_states[:, t] * h)
            if t + 1 < time:
                later, _ = unroll(p.cell, p.x[:, t + 1 :], h)
                loss += np.sum(p.d_states[:, t + 1 :] * later)
            return float(loss)

        gradient_check(
            loss_from, gradients.states[:, t], p.states[:, t], tolerance=CENTRAL_DIFFERENCES
        )


# Identities


@given(shape=shapes, seed=seeds)
def test_gradients_of_a_linear_cell_are_powers_of_its_matrix(shape, seed):
    p = Problem(shape, seed, "linear")
    last = np.zeros_like(p.d_states)
    last[:, -1] = p.d_states[:, -1]
    gradients = p.gradients(last)
    for t in range(shape[1]):
        power = np.linalg.matrix_power(p.cell.recurrent_kernel.T, shape[1] - 1 - t)
        np.testing.assert_allclose(gradients.states[:, t], last[:, -1] @ power, atol=ROUNDING)


@given(shape=shapes, kind=st.sampled_from(list(CELLS)), seed=seeds)
def test_gradient_of_a_state_is_a_sum_of_products_of_jacobians(shape, kind, seed):
    p = Problem(shape, seed, kind)
    gradients = p.gradients()
    for b, t in np.ndindex(shape[:2]):
        total = sum(p.d_states[b, s] @ p.jacobian_product(b, s, t) for s in range(t, shape[1]))
        np.testing.assert_allclose(gradients.states[b, t], total, ROUNDING, ROUNDING)


@given(shape=shapes, kind=st.sampled_from(list(CELLS)), seed=seeds)
def test_gradients_of_the_steps_sum_to_the_gradients(shape, kind, seed):
    p = Problem(shape, seed, kind)
    gradients = p.gradients()
    by_step = gradients_by_step(p.cell, p.cache, gradients)
    for name in WEIGHTS:
        assert getattr(by_step, name).shape == (shape[1], *getattr(p.cell, name).shape)
        total = getattr(by_step, name).sum(axis=0)
        np.testing.assert_allclose(total, getattr(gradients, name), ROUNDING, ROUNDING)


def test_gradient_of_one_step_is_that_of_weights_that_differ_at_this_step_only():
    p = Problem((2, 5, 2, 3))
    by_step = gradients_by_step(p.cell, p.cache, p.gradients())
    for t in range(5):
        before = p.states[:, t - 1] if t else p.initial_state

        def loss_from(recurrent_kernel, t=t, before=before):
            own = dataclasses.replace(p.cell, recurrent_kernel=recurrent_kernel)
            h, _ = own.step(own.project(p.x[:, t]), before)
            loss = np.sum(p.d_states[:, t] * h)
            if t < 4:
                loss += np.sum(p.d_states[:, t + 1 :] * unroll(p.cell, p.x[:, t + 1 :], h)[0])
            return float(loss)

        gradient_check(
            loss_from,
            by_step.recurrent_kernel[t],
            p.cell.recurrent_kernel,
            tolerance=CENTRAL_DIFFERENCES,
        )


@given(shape=shapes, cut=st.integers(1, 5), kind=st.sampled_from(list(CELLS)), seed=seeds)
def test_unrolling_in_two_pieces_is_unrolling_at_once(shape, cut, kind, seed):
    batch, time, features, units = shape
    p = Problem((batch, time + cut, features, units), seed, kind)
    first, first_cache = unroll(p.cell, p.x[:, :cut], p.initial_state)
    second, second_cache = unroll(p.cell, p.x[:, cut:], first[:, -1])
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), p.states, atol=ROUNDING)
    later = backpropagate_through_time(p.cell, second_cache, p.d_states[:, cut:])
    d_first = p.d_states[:, :cut].copy()
    d_first[:, -1] += later.initial_state
    earlier = backpropagate_through_time(p.cell, first_cache, d_first)
    whole = p.gradients()
    for name in WEIGHTS:
        total = getattr(earlier, name) + getattr(later, name)
        np.testing.assert_allclose(total, getattr(whole, name), ROUNDING, ROUNDING)
    np.testing.assert_allclose(earlier.initial_state, whole.initial_state, ROUNDING, ROUNDING)


def test_the_default_initial_state_is_zero():
    p = Problem((2, 4, 3, 5))
    np.testing.assert_array_equal(unroll(p.cell, p.x)[0], unroll(p.cell, p.x, np.zeros((2, 5)))[0])


def test_the_cache_holds_inputs_previous_states_and_states():
    p = Problem((2, 4, 3, 5))
    np.testing.assert_array_equal(p.cache.x, p.x)
    np.testing.assert_array_equal(p.cache.states, p.states)
    np.testing.assert_array_equal(p.cache.previous[:, 0], p.initial_state)
    np.testing.assert_array_equal(p.cache.previous[:, 1:], p.states[:, :-1])


def test_nothing_that_is_passed_in_is_changed():
    p = Problem((2, 4, 3, 5))
    arrays = [p.x, p.initial_state, p.d_states, *p.cache]
    before = [a.copy() for a in arrays]
    unroll(p.cell, p.x, p.initial_state)
    p.gradients()
    p.truncated(every=1, steps=2)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_cache_does_not_follow_later_changes_of_the_inputs():
    p = Problem((1, 4, 3, 5))
    x = p.x.copy()
    p.x[:] = 0
    np.testing.assert_array_equal(p.cache.x, x)


# Sequences of different lengths


@settings(max_examples=25)
@given(shape=shapes, kind=st.sampled_from(SMOOTH), seed=seeds)
def test_gradients_of_padded_sequences_are_right(shape, kind, seed):
    lengths = np.random.default_rng(seed).integers(1, shape[1] + 1, shape[0])
    p = Problem(shape, seed, kind, lengths=lengths)
    gradients = p.gradients()
    for name, value in (
        *((name, getattr(p.cell, name)) for name in WEIGHTS),
        ("x", p.x),
        ("initial_state", p.initial_state),
    ):
        gradient = gradients.inputs if name == "x" else getattr(gradients, name)
        gradient_check(
            lambda v, name=name: p.loss(**{name: v}), gradient, value, tolerance=CENTRAL_DIFFERENCES
        )


@given(shape=shapes, kind=st.sampled_from(list(CELLS)), seed=seeds)
def test_a_padded_sequence_gives_what_it_gives_without_its_padding(shape, kind, seed):
    lengths = np.random.default_rng(seed).integers(1, shape[1] + 1, shape[0])
    p = Problem(shape, seed, kind, lengths=lengths)
    p.d_states[:, :-1] = 0
    gradients = p.gradients()
    total = dict.fromkeys(WEIGHTS, 0)
    for b, length in enumerate(lengths):
        states, cache = unroll(p.cell, p.x[b : b + 1, :length], p.initial_state[b : b + 1])
        d_states = np.zeros_like(states)
        d_states[:, -1] = p.d_states[b, -1]
        own = backpropagate_through_time(p.cell, cache, d_states)
        np.testing.assert_allclose(p.states[b, :length], states[0], ROUNDING, ROUNDING)
        np.testing.assert_array_equal(p.states[b, length:], p.states[[b] * (shape[1] - length), -1])
        np.testing.assert_allclose(gradients.inputs[b, :length], own.inputs[0], ROUNDING, ROUNDING)
        np.testing.assert_array_equal(gradients.inputs[b, length:], 0)
        total = {name: total[name] + getattr(own, name) for name in WEIGHTS}
    for name in WEIGHTS:
        np.testing.assert_allclose(getattr(gradients, name), total[name], ROUNDING, ROUNDING)


@given(shape=shapes, every=st.integers(1, 9), more=st.integers(0, 3), seed=seeds)
def test_truncation_beyond_padded_sequences_truncates_nothing(shape, every, more, seed):
    lengths = np.random.default_rng(seed).integers(1, shape[1] + 1, shape[0])
    p = Problem(shape, seed, "LSTM", lengths=lengths)
    assert_same(p.truncated(every, max(every, shape[1]) + more), p.gradients())


def test_the_jacobian_of_a_step_beyond_the_end_is_the_identity():
    p = Problem((2, 4, 1, 3), kind="GRU", lengths=[4, 2])
    steps = jacobians(p.cell, p.cache)
    np.testing.assert_array_equal(steps[1, 2:], [np.eye(3)] * 2)
    assert np.abs(steps[0] - np.eye(3)).max(axis=(1, 2)).min() > 0.1


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([4], r"integers of shape \(2,\), got int64 of shape \(1,\)"),
        ([1.0, 2.0], r"integers of shape \(2,\), got float64"),
        ([0, 4], r"lengths between 1 and 4, got \[0, 4\]"),
        ([5, 4], r"lengths between 1 and 4, got \[5, 4\]"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, message):
    p = Problem((2, 4, 3, 5))
    with pytest.raises(ValueError, match=message):
        unroll(p.cell, p.x, lengths=lengths)


# A cell of one's own


@dataclasses.dataclass(frozen=True, eq=False)
class LeakyCell(SimpleRNNCell):
    """What a contributor may write: half of the old state is kept."""

    slip = 1.0  # a factor on the gradient that is kept

    def step(self, projected, state):
        new = np.tanh(projected + state @ self.recurrent_kernel)
        return state / 2 + new / 2, new - state  # gates: any numbers that help on the way back

    gates = 1

    def step_back(self, d_state, previous, state, gates):
        d_z = d_state / 2 * (1 - (gates + previous) ** 2)
        return d_z, self.slip * d_state / 2 + d_z @ self.recurrent_kernel.T


class SlippingCell(LeakyCell):
    slip = 1.001


CELLS["leaky"], CELLS["slipping"] = LeakyCell.initialize, SlippingCell.initialize


@given(shape=shapes, seed=seeds)
def test_a_cell_of_ones_own_works_with_everything(shape, seed):
    p = Problem(shape, seed, "leaky")
    gradients = p.gradients()
    for name in WEIGHTS:
        gradient_check(
            lambda v, name=name: p.loss(**{name: v}),
            getattr(gradients, name),
            getattr(p.cell, name),
            tolerance=CENTRAL_DIFFERENCES,
        )
    assert_same(p.truncated(every=1, steps=shape[1]), gradients)
    product = p.jacobian_product(0, shape[1] - 1, 0)
    assert product.shape == (p.cell.units, p.cell.units)


@pytest.mark.parametrize("name", ["recurrent_kernel", "initial_state"])
def test_a_step_back_that_is_off_by_a_thousandth_is_caught(name):
    p = Problem((2, 5, 2, 3), kind="slipping")
    value = getattr(p.cell, name, None) if name in WEIGHTS else p.initial_state
    with pytest.raises(AssertionError):
        gradient_check(
            lambda v: p.loss(**{name: v}),
            getattr(p.gradients(), name),
            value,
            tolerance=CENTRAL_DIFFERENCES,
        )


def test_a_cell_without_a_step_back_cannot_be_made():
    class Half(Cell):
        def step(self, projected, state):
            return projected, state[..., :0]

    with pytest.raises(TypeError, match="step_back"):
        Half(np.ones((1, 1)), np.ones((1, 1)), np.ones(1))


# Vanishing


@pytest.mark.parametrize("dtype", PARITY)
def test_a_vanishing_gradient_ends_in_zeros_not_in_subnormal_numbers(dtype):
    cell = SimpleRNNCell(*(np.array(w, dtype) for w in ([[1.0]], [[0.01]], [0.0])), "linear")
    states, cache = unroll(cell, np.zeros((1, 400, 1), dtype))
    d_states = np.zeros_like(states)
    d_states[0, -1] = 1
    flow = backpropagate_through_time(cell, cache, d_states).states[0, :, 0]
    subnormal = (flow != 0) & (np.abs(flow) < np.finfo(dtype).tiny)
    assert flow[0] == 0 and np.count_nonzero(flow) > 15
    assert np.count_nonzero(subnormal) <= 16


# Truncation


@given(shape=shapes, every=st.integers(1, 9), more=st.integers(0, 3), seed=seeds)
def test_truncation_beyond_the_sequence_truncates_nothing(shape, every, more, seed):
    p = Problem(shape, seed)
    assert_same(p.truncated(every, max(every, shape[1]) + more), p.gradients())


@given(shape=shapes, every=st.integers(1, 4), more=st.integers(0, 4), seed=seeds)
def test_truncation_keeps_the_jacobian_products_within_each_pass(shape, every, more, seed):
    """The definition, loss by loss: the loss of step s is sent back in the first pass after s."""
    p = Problem(shape, seed)
    truncated = p.truncated(every, every + more)
    time = shape[1]
    for b, t in np.ndindex(shape[:2]):
        total = np.zeros(p.cell.state_size)
        for s in range(t, time):
            end = min(time, every * (s // every + 1))
            if t >= end - (every + more):
                total += p.d_states[b, s] @ p.jacobian_product(b, s, t)
        np.testing.assert_allclose(truncated.states[b, t], total, ROUNDING, ROUNDING)


@given(shape=shapes, steps=st.integers(1, 7), seed=seeds)
def test_a_pass_at_every_step_sums_the_losses_each_cut_after_as_many_steps(shape, steps, seed):
    p = Problem(shape, seed)
    truncated, total = p.truncated(every=1, steps=steps), dict.fromkeys(WEIGHTS, 0)
    states, inputs = np.zeros_like(p.states), np.zeros_like(p.x)
    initial_state = np.zeros_like(p.initial_state)
    for end in range(1, shape[1] + 1):
        start = max(0, end - steps)
        d_states = np.zeros_like(p.d_states[:, start:end])
        d_states[:, -1] = p.d_states[:, end - 1]
        part = p.piece(start, end, d_states)
        total = {name: total[name] + getattr(part, name) for name in WEIGHTS}
        states[:, start:end] += part.states
        inputs[:, start:end] += part.inputs
        initial_state += part.initial_state if start == 0 else 0
    expected = truncated._replace(
        **total, states=states, inputs=inputs, initial_state=initial_state
    )
    assert_same(truncated, expected)


@given(shape=shapes, chunks=st.integers(1, 4), seed=seeds)
def test_chunks_are_separate_sequences_with_the_state_carried_on(shape, chunks, seed):
    batch, steps, features, units = shape
    p = Problem((batch, chunks * steps, features, units), seed)
    chunks = [
        p.piece(start, start + steps, p.d_states[:, start : start + steps])
        for start in range(0, chunks * steps, steps)
    ]
    sums = {name: sum(getattr(c, name) for c in chunks) for name in WEIGHTS}
    joined = {
        name: np.concatenate([getattr(c, name) for c in chunks], axis=1)
        for name in ("states", "pre_activations", "inputs")
    }
    expected = chunks[0]._replace(**sums, **joined)
    assert_same(p.truncated(every=steps, steps=steps), expected)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_the_loss_of_the_last_step_reaches_no_further_than_steps(every):
    p = Problem((2, 12, 2, 4))
    p.d_states[:, :-1] = 0
    full, truncated = p.gradients(), p.truncated(every, 3)
    np.testing.assert_array_equal(truncated.states[:, :-3], 0)
    np.testing.assert_array_equal(truncated.inputs[:, :-3], 0)
    np.testing.assert_array_equal(truncated.initial_state, 0)
    np.testing.assert_allclose(truncated.states[:, -3:], full.states[:, -3:], ROUNDING)
    assert relative_error(truncated.recurrent_kernel, full.recurrent_kernel) > 0.01


# Precision and errors


@pytest.mark.parametrize("dtype", PARITY)
@pytest.mark.parametrize("kind", CELLS)
def test_every_result_has_the_precision_of_the_weights(kind, dtype):
    p = Problem((2, 4, 3, 5), kind=kind, dtype=dtype)
    x, d_states = p.x.astype("float64"), p.d_states.astype("float64")
    states, cache = unroll(p.cell, x, p.initial_state.astype("float64"))
    gradients = backpropagate_through_time(p.cell, cache, d_states)
    truncated = truncated_backpropagation_through_time(p.cell, cache, d_states, every=1, steps=2)
    by_step = gradients_by_step(p.cell, cache, gradients)
    results = (states, *cache[:-1], *gradients, *truncated, *by_step)
    assert {array.dtype for array in results} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("shape", "got"),
    [((4, 3), "(4, 3)"), ((2, 4, 2), "(2, 4, 2)"), ((2, 0, 3), "(2, 0, 3)"), ((0, 4, 3), "(0, 4")],
)
def test_inputs_of_wrong_shape_or_no_length_are_refused(shape, got):
    cell = Problem((2, 4, 3, 5)).cell
    with pytest.raises(ValueError) as error:
        unroll(cell, np.zeros(shape))
    assert f"x of shape (batch, time, 3) with no empty axis, got {got}" in str(error.value)


def test_an_initial_state_of_wrong_shape_is_refused():
    p = Problem((2, 4, 3, 5))
    with pytest.raises(ValueError, match=r"expected initial_state of shape \(2, 5\).*got \(5,\)"):
        unroll(p.cell, p.x, np.zeros(5))


@pytest.mark.parametrize("backward", ["full", "truncated"])
def test_immediate_gradients_of_wrong_shape_are_refused(backward):
    p = Problem((2, 4, 3, 5))
    p.d_states = p.d_states[:, :3]
    with pytest.raises(ValueError, match=r"d_states of shape \(2, 4, 5\).*got \(2, 3, 5\)"):
        p.gradients() if backward == "full" else p.truncated(1, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["x", "initial_state", "d_states"])
def test_values_that_are_not_finite_are_refused(name, value):
    p = Problem((2, 4, 3, 5))
    getattr(p, name).flat[3] = value
    with pytest.raises(ValueError, match=f"expected finite values in {name}, got NaN or infinity"):
        p.gradients() if name == "d_states" else unroll(p.cell, p.x, p.initial_state)


@pytest.mark.parametrize(("every", "steps"), [(0, 2), (3, 2), (-1, 1)])
def test_a_window_shorter_than_the_interval_is_refused(every, steps):
    with pytest.raises(ValueError, match=f"<= steps, got every={every} and steps={steps}"):
        Problem((2, 4, 3, 5)).truncated(every, steps)


def test_what_is_no_cell_and_what_is_no_cache_are_refused_by_type():
    p = Problem((2, 4, 3, 5))
    with pytest.raises(TypeError, match="expected a cell such as SimpleRNNCell, got list"):
        unroll([], p.x)
    for use in (backpropagate_through_time, lambda cell, cache, _: jacobians(cell, cache)):
        with pytest.raises(TypeError, match="expected the cache that unroll returned, got ndarray"):
            use(p.cell, p.states, p.d_states)


@pytest.mark.parametrize("other", ["LSTM", "tanh"])
def test_the_cache_of_another_cell_is_refused(other):
    p = Problem((2, 4, 3, 5))
    cell = Problem((1, 1, 3, 6 if other == "tanh" else 5), kind=other).cell
    with pytest.raises(ValueError, match=r"expected the cache of this cell, .* got \(3, 5, 0\)"):
        backpropagate_through_time(cell, p.cache, p.d_states)


def test_the_cache_of_another_precision_is_refused():
    p = Problem((2, 4, 3, 5))
    cell = Problem((1, 1, 3, 5), dtype="float32").cell
    with pytest.raises(ValueError, match=r"and float32, got .* and float64"):
        backpropagate_through_time(cell, p.cache, p.d_states)


@pytest.mark.parametrize("x", [np.ones((1, 2, 3)) * 1j, np.full((1, 2, 3), "a")])
def test_values_that_are_not_real_numbers_are_refused(x):
    with pytest.raises(ValueError, match=r"expected real numbers in x, got (complex128|<U1)"):
        unroll(Problem((1, 2, 3, 5)).cell, x)
