"""Any cell in any recurrent layer of Keras is measured."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import (
    EXACT,
    UNITS,
    assert_equal_flow,
    data,
    layer_of,
    model_of,
    named,
    run,
    stacked,
)

from unrolled.gradient_flow import gradient_flow
from unrolled.summary import summary

pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.mark.parametrize("eagerly", [False, True])
def test_stacked_cells_are_measured_as_stacked_layers(eagerly):
    cells = [keras.layers.LSTMCell(3), keras.layers.GRUCell(2), keras.layers.LSTMCell(4)]
    pile = keras.layers.RNN(cells, dtype="float64", name="pile")
    model = model_of(pile, graph=not eagerly)
    layers = [
        layer_of("LSTM", units=3, return_sequences=True),
        layer_of("GRU", units=2, return_sequences=True),
        layer_of("LSTM", units=4),
    ]
    other = model_of(*layers)
    other.set_weights(model.get_weights())
    x, y = data()
    expected = gradient_flow(other, x, y)
    flow = gradient_flow(model, x, y)
    assert list(flow) == [
        f"pile/{cell.name}{c}" for cell in cells for c in ("", "/c") if "lstm" in cell.name or not c
    ]
    for gradient, wanted in zip(flow.values(), expected.values(), strict=True):
        np.testing.assert_allclose(gradient, wanted, 1e-9, 1e-14)


def test_cells_of_one_name_are_told_apart():
    cells = [keras.layers.GRUCell(2, name="cell") for _ in range(2)]
    model = model_of(keras.layers.RNN(cells, name="pile"))
    assert list(gradient_flow(model, *data())) == ["pile/cell_0", "pile/cell_1"]


class Custom(keras.layers.Layer):
    """Three states, nested, that depend on one another within a step; a counter; an output."""

    def __init__(self, units, emit, **options):
        super().__init__(**options)
        self.units, self.emit = units, emit
        self.state_size = [[units, units], 1, units]
        self.output_size = units

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1], self.units), name="kernel")
        self.mix = self.add_weight((self.units, self.units), name="mix")
        self.built = True

    def get_initial_state(self, batch_size):
        a = tf.zeros((batch_size, self.units), self.compute_dtype)
        return [[a, a], tf.zeros((batch_size, 1), "int32"), a]

    def next(self, x, a, b, c):
        c = 0.9 * c + tf.tanh(x @ self.kernel)
        b = tf.sigmoid(c + a @ self.mix)
        return b * tf.tanh(c + x @ self.kernel), b, c

    def output(self, a, b, c):
        return tf.tanh(a @ self.mix + 0.5 * b * c)

    def call(self, x, states):
        (a, b), count, c = states
        a, b, c = self.next(x, a, b, c)
        output = {"a": a, "c": c}[self.emit] if self.emit != "own" else self.output(a, b, c)
        return output, [[a, b], count + 1, c]


@pytest.mark.parametrize("emit", ["a", "c", "own"])
@pytest.mark.parametrize(
    ("eagerly", "masked"), [(True, False), (True, True), (False, True)], ids=str
)
def test_any_cell_is_measured(emit, eagerly, masked):
    """Each state with the others held fixed; the output counts, be it one of them or not."""
    cell = Custom(UNITS, emit)
    layer = keras.layers.RNN(cell, name="rnn", dtype="float64")
    before = [keras.layers.Masking(dtype="float64")] if masked else []
    model = model_of(*before, layer, graph=not eagerly)
    x, y = data(batch=4, targets=(4, 1))
    if masked:
        x[1, 4:] = x[2, :2] = x[3, 2:4] = 0
    mask = x.any(axis=-1)
    states, output = [tf.zeros((4, UNITS), "float64")] * 3, 0
    by_step = []
    with tf.GradientTape() as tape:
        for t in range(6):
            read = mask[:, t, None]
            new = cell.next(x[:, t], *states)
            pairs = zip(new, states, strict=True)
            states = [tf.identity(tf.where(read, s, old)) for s, old in pairs]
            tape.watch(states)
            by_step.append(states)
            if emit == "own":
                output = tf.where(read, cell.output(*states), output)
            else:
                output = states["ac".index(emit) * 2]
        p = model.layers[-1](output)
        value = tf.reduce_mean(keras.losses.binary_crossentropy(y, p))
    named = dict(zip(("rnn", "rnn/1", "rnn/3"), zip(*by_step, strict=True), strict=True))
    expected = stacked(tape.gradient(value, named, unconnected_gradients="zero"))
    flow = gradient_flow(model, x, y)
    assert [name for name in flow if name != "rnn/2"] == list(expected)
    for name, gradient in expected.items():
        np.testing.assert_allclose(flow[name], gradient, 1e-10, 1e-14)


def test_a_cell_with_an_output_of_its_own_is_measured_where_all_functions_run_eagerly():
    cell = Custom(UNITS, "own")
    model = model_of(keras.layers.RNN(cell, name="rnn", dtype="float64"))
    expected = gradient_flow(model, *data())
    tf.config.run_functions_eagerly(True)
    try:
        flow = gradient_flow(model, *data())
    finally:
        tf.config.run_functions_eagerly(False)
    for name, gradient in expected.items():
        np.testing.assert_array_equal(flow[name], gradient)


def test_only_cells_of_the_kind_of_keras_have_an_lstm_s_names():
    class Own(keras.layers.LSTMCell):
        pass

    class MyLSTMCell(keras.layers.Layer):
        state_size, output_size = [3, 3], 3

        def call(self, x, states):
            c = 0.5 * states[0] + x
            h = keras.ops.tanh(c)
            return h, [c, h]

    for cell, names in ((Own(2), ["rnn", "rnn/c"]), (MyLSTMCell(), ["rnn", "rnn/1"])):
        assert list(gradient_flow(model_of(keras.layers.RNN(cell, name="rnn")), *data())) == names


def test_a_cell_that_returns_its_state_bare_is_measured():
    class Leaky(keras.layers.Layer):
        state_size = UNITS

        def call(self, x, states):
            h = 0.5 * states[0] + keras.ops.sum(x, axis=-1, keepdims=True)
            return h, h

    model = model_of(keras.layers.RNN(Leaky(dtype="float64"), name="leaky", dtype="float64"))
    flow = gradient_flow(model, *data())["leaky"]
    halved = flow[:, -1:] * 0.5 ** np.arange(5, -1, -1)[:, None]
    np.testing.assert_allclose(flow, halved, EXACT["float64"])


@pytest.mark.parametrize("slots", [False, True])
def test_a_cell_may_be_an_object_that_has_no_hash_and_no_attributes_of_its_own(slots):
    @dataclass(slots=slots)
    class Cell:
        rate: float
        state_size: int = 1
        output_size: int = 1
        compute_dtype: str = "float64"

        def call(self, x, states):
            h = self.rate * states[0] + x
            return h, [h]

        __call__ = call

    model = keras.Sequential([keras.Input((None, 1)), keras.layers.RNN(Cell(0.5), name="rnn")])
    model.compile(loss=lambda y, p: p)
    flow = gradient_flow(model, np.ones((1, 3, 1)), np.zeros((1, 1)))
    np.testing.assert_allclose(flow["rnn"].ravel(), [0.25, 0.5, 1.0])


def test_an_output_that_holds_no_state_of_its_step_adds_nothing():
    class Passing(keras.layers.Layer):
        state_size = output_size = 3

        def call(self, x, states):
            return x + states[0], [states[0] + x]

    class Late(Passing):
        def call(self, x, states):
            return states[0] * 1.0, [states[0] + x]

    for cell in (Passing, Late):
        model = model_of(keras.layers.RNN(cell(dtype="float64"), name="rnn", dtype="float64"))
        flow = gradient_flow(model, *data())["rnn"]
        assert flow[:, :-1].all() and not flow[:, -1].any()


def test_convolutional_layers_are_measured():
    layer = keras.layers.ConvLSTM1D(2, 3, padding="same", name="conv", dtype="float64")
    flat = keras.layers.Flatten()
    model = keras.Sequential([keras.Input((4, 5, 3)), layer, flat, keras.layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    flow = gradient_flow(model, x, [1.0, 2.0], "mse")
    assert {name: gradient.shape for name, gradient in flow.items()} == {
        "conv": (2, 4, 5, 2),
        "conv/c": (2, 4, 5, 2),
    }
    with tf.GradientTape() as tape:
        output = layer(x)
        tape.watch(output)
        value = tf.reduce_mean(
            (tf.constant([[1.0], [2.0]], "float64") - model.layers[-1](flat(output))) ** 2
        )
    np.testing.assert_allclose(flow["conv"][:, -1], tape.gradient(value, output), 1e-9)


def test_a_stateful_layer_starts_from_its_state_and_keeps_it():
    layer = layer_of("LSTM", stateful=True, name="memory")
    dense = keras.layers.Dense(1, activation="sigmoid", dtype="float64")
    model = keras.Sequential([keras.Input(batch_shape=(3, 6, 3), dtype="float64"), layer, dense])
    model.compile(loss="binary_crossentropy")
    x, y = data()
    model(2 * x)
    held = [state.numpy().copy() for state in layer.states]
    flow = gradient_flow(model, x, y)
    for state, before in zip(layer.states, held, strict=True):
        np.testing.assert_array_equal(state, before)
    with tf.GradientTape() as tape:
        by_step, last = run(layer, tf.constant(x), [tf.constant(state) for state in held], tape)
        value = tf.reduce_mean(keras.losses.binary_crossentropy(y, dense(last[0])))
    states = named("memory", by_step)
    assert_equal_flow(flow, stacked(tape.gradient(value, states, unconnected_gradients="zero")))
    layer.reset_state()
    assert not np.allclose(gradient_flow(model, x, y)["memory"], flow["memory"])


def test_a_layer_that_is_called_twice_is_measured_call_by_call():
    layer = layer_of("GRU", name="twice", units=3, return_sequences=True)
    first, second = layer_of("GRU", units=3, return_sequences=True), layer_of("GRU", units=3)
    second.return_sequences = True
    x = keras.Input((None, 3), dtype="float64")
    model, other = keras.Model(x, layer(layer(x))), keras.Model(x, second(first(x)))
    other.set_weights(2 * model.get_weights())
    sequences, y = data(targets=(3, 6, 3))
    flow = gradient_flow(model, sequences, y, "mse")
    expected = gradient_flow(other, sequences, y, "mse")
    assert list(flow) == ["twice", "twice#2"]
    for gradient, wanted in zip(flow.values(), expected.values(), strict=True):
        np.testing.assert_allclose(gradient, wanted, 1e-12)


class Counting(keras.layers.Layer):
    """A state of units, and a single number for each sequence that enters it."""

    state_size = (UNITS, 1)
    output_size = UNITS

    def get_initial_state(self, batch_size=None):
        return [keras.ops.zeros((batch_size, UNITS)), keras.ops.zeros((batch_size,))]

    def call(self, x, states):
        h = keras.ops.tanh(states[0] + x[:, :1] + states[1][:, None])
        return h, [h, 0.5 * states[1] + x[:, 1]]


def test_a_state_of_one_number_has_an_axis_of_one_unit():
    layer = keras.layers.RNN(Counting(dtype="float64"), name="rnn", dtype="float64")
    model, (x, y) = model_of(layer), data()
    flow = gradient_flow(model, x, y)
    assert flow["rnn"].shape == (3, 6, UNITS) and flow["rnn/1"].shape == (3, 6, 1)
    # The number enters the next state at once, and half of it enters the number of the next step.
    h = layer_states(layer, x)
    slopes = np.sum(flow["rnn"][:, 1:] * (1 - h[:, 1:] ** 2), axis=-1, keepdims=True)
    expected = np.zeros((3, 6, 1))
    for t in reversed(range(5)):
        expected[:, t] = slopes[:, t] + 0.5 * expected[:, t + 1]
    np.testing.assert_allclose(flow["rnn/1"], expected, 1e-9, 1e-14)
    assert summary(flow).states.keys() == {"rnn", "rnn/1"}


def layer_states(layer, x):
    """h after every step."""
    states, found = layer.cell.get_initial_state(batch_size=len(x)), []
    for x_t in np.moveaxis(x, 1, 0):
        h, states = layer.cell(x_t, states)
        found.append(np.asarray(h))
    return np.stack(found, axis=1)


class Resized(keras.layers.Layer):
    """Emits its state through an operation that TensorFlow differentiates only once."""

    state_size = 4
    output_size = 16

    def call(self, x, states):
        h = keras.ops.tanh(states[0] + x[:, :1])
        picture = keras.ops.reshape(h, (-1, 2, 2, 1))
        large = keras.ops.image.resize(picture, (4, 4), interpolation="nearest")
        return keras.ops.reshape(large, (-1, 16)), [h]


@pytest.mark.parametrize("alone", [True, False])
def test_a_cell_whose_output_cannot_be_differentiated_twice_is_left_out(alone):
    resized = keras.layers.RNN(Resized(), return_sequences=True, name="resized", dtype="float32")
    others = [keras.layers.GlobalAveragePooling1D()] if alone else [layer_of("GRU", name="gru")]
    model, (x, y) = model_of(resized, *others), data()
    words = "'resized', which emits through an operation without a second derivative"
    if alone:
        with pytest.raises(ValueError, match=words):
            gradient_flow(model, x, y)
    else:
        with pytest.warns(UserWarning, match=words):
            assert list(gradient_flow(model, x, y)) == ["gru"]
