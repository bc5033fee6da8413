"""The measured gradient of every state, against automatic and numeric differentiation."""

import gc
import importlib
import re
from dataclasses import dataclass
from weakref import ref

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled import SimpleRNNCell, backpropagate_through_time, gradient_check, unroll
from unrolled.gradient_flow import gradient_flow

gradient_flow_module = importlib.import_module("unrolled.gradient_flow")
EXACT = {"float32": 2e-6, "float64": 1e-13}  # relative to the largest entry of a step
CENTRAL_DIFFERENCES = 1e-7
LAYERS = {
    "SimpleRNN": (keras.layers.SimpleRNN, {}),
    "LSTM": (keras.layers.LSTM, {}),
    "GRU": (keras.layers.GRU, {"reset_after": True}),
    "GRU, reset before": (keras.layers.GRU, {"reset_after": False}),
}
UNITS = 4


@pytest.fixture(autouse=True)
def double_precision():
    """Losses that are given by name compute in float64, as do models unless they say otherwise."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    set_precision("float64", "float64")
    yield
    set_precision(*before)


def set_precision(floatx, policy):
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)  # does not follow once it has been read


def layer_of(kind, dtype="float64", units=UNITS, **options):
    layer, own = LAYERS[kind]
    return layer(units, dtype=dtype, **{"bias_initializer": "glorot_uniform", **own, **options})


def model_of(*layers, dtype="float64", features=3, outputs=1, seed=0, graph=False):
    """Measured without a graph unless asked for: making one takes longer than running so little."""
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense(outputs, activation="sigmoid", dtype=dtype)
    model = keras.Sequential([keras.Input((None, features), dtype=dtype), *layers, dense])
    loss = keras.losses.BinaryCrossentropy(dtype=dtype)
    model.compile("adam", loss=loss, run_eagerly=not graph)
    return model


def data(batch=3, time=6, features=3, dtype="float64", targets=None):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, time, features)).astype(dtype)
    return x, rng.integers(0, 2, targets or (batch, 1)).astype(dtype)


def run(layer, sequence, states, tape, mask=None):
    """Apply the layer's cell step by step in a plain loop; return every state, h_t and c_t apart.

    Identity cuts h_t off from the c_t that it was computed from.
    """
    kept = []
    for t in range(sequence.shape[1]):
        _, new = layer.cell(sequence[:, t], states)
        keep = np.ones((len(sequence), 1), bool) if mask is None else mask[:, t, None]
        pairs = zip(new, states, strict=True)
        states = [tf.identity(tf.where(keep, s, previous)) for s, previous in pairs]
        tape.watch(states)
        kept.append(states)
    return list(zip(*kept, strict=True)), states


def named(name, states):
    """The states of all steps under the names that `gradient_flow` gives to those of an LSTM."""
    return dict(zip((name, f"{name}/c"), states, strict=False))


def stacked(gradients):
    return {name: np.stack(by_step, axis=1) for name, by_step in gradients.items()}


def expected_flow(layers, dense, x, y, mask=None, loss=keras.losses.binary_crossentropy):
    """Gradients of stacked layers by automatic differentiation, loss averaged over all else."""
    states = {}
    with tf.GradientTape() as tape:
        sequence = tf.constant(x)
        for layer in layers:
            start = layer.get_initial_state(len(x))
            by_step, last = run(layer, sequence, start, tape, mask)
            states |= named(layer.name, by_step)
            sequence = tf.stack(by_step[0], axis=1)
            if mask is not None:  # Keras emits zeros, not the first state, until a step is read
                sequence *= np.logical_or.accumulate(mask, axis=1)[..., None]
        value = tf.reduce_mean(loss(y, dense(sequence if layer.return_sequences else last[0])))
    return stacked(tape.gradient(value, states, unconnected_gradients="zero"))


def assert_equal_flow(flow, expected, dtype="float64"):
    assert list(flow) == list(expected)
    for name, gradient in flow.items():
        assert gradient.shape == expected[name].shape
        assert gradient.dtype == dtype
        assert gradient.any() or (name.endswith("/c") and gradient.shape[1] == 1)
        for t in range(gradient.shape[1]):
            size = np.abs(expected[name][:, t]).max()
            error = np.abs(gradient[:, t] - expected[name][:, t]).max()
            assert error <= EXACT[dtype] * size, (name, t)


# Exact


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flow_of_one_layer_is_exact(kind, return_sequences, dtype):
    layer = layer_of(kind, dtype, return_sequences=return_sequences)
    model = model_of(layer, dtype=dtype, graph=dtype == "float64")
    x, y = data(dtype=dtype, targets=(3, 6, 1) if return_sequences else None)
    expected = expected_flow([layer], model.layers[-1], x, y)
    assert_equal_flow(gradient_flow(model, x, y), expected, dtype)


@given(
    kind=st.sampled_from(list(LAYERS)),
    shape=st.tuples(*[st.integers(1, 4)] * 3),
    units=st.integers(1, 3),
    backwards=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=20)
def test_flow_is_exact_for_all_shapes(kind, shape, units, backwards, seed):
    batch, time, features = shape
    layer = layer_of(kind, units=units, go_backwards=backwards)
    model = model_of(layer, features=features, seed=seed)
    x, y = data(batch, time, features)
    read = x[:, ::-1] if backwards else x
    expected = expected_flow([layer], model.layers[-1], read, y)
    assert_equal_flow(gradient_flow(model, x, y), expected)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flow_of_stacked_layers_is_exact(return_sequences, dtype):
    kinds = list(LAYERS)
    layers = [
        layer_of(kind, dtype, units, return_sequences=return_sequences or kind != kinds[-1])
        for units, kind in enumerate(kinds, start=1)
    ]
    model = model_of(*layers, dtype=dtype, graph=True)
    x, y = data(dtype=dtype, targets=(3, 6, 1) if return_sequences else None)
    expected = expected_flow(layers, model.layers[-1], x, y)
    assert_equal_flow(gradient_flow(model, x, y), expected, dtype)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def simple_rnn(x, h, c, w, u, b):
    return np.tanh(x @ w + h @ u + b), c


def lstm(x, h, c, w, u, b):
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x, h, c, w, u, b):
    (zx, rx, gx), (zh, rh, gh) = (
        np.split(part, 3, axis=-1) for part in (x @ w + b[0], h @ u + b[1])
    )
    z, r = sigmoid(zx + zh), sigmoid(rx + rh)
    return z * h + (1 - z) * np.tanh(gx + r * gh), c


@pytest.mark.parametrize(
    ("kind", "step"), [("SimpleRNN", simple_rnn), ("LSTM", lstm), ("GRU", gru)]
)
def test_flow_is_what_changing_a_state_with_the_cell_state_held_fixed_changes(kind, step):
    """The equations written out, set off from a changed h_t, differentiated by differences."""
    layer = layer_of(kind)
    model = model_of(layer)
    x, y = data(batch=2, time=5)
    weights, (v, d) = layer.get_weights(), model.layers[-1].get_weights()
    flow = gradient_flow(model, x, y)[layer.name]

    def loss_from(t, h, c):
        for x_t in x.swapaxes(0, 1)[t + 1 :]:
            h, c = step(x_t, h, c, *weights)
        p = sigmoid(h @ v + d)
        return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

    h = c = np.zeros((2, UNITS))
    for t, x_t in enumerate(x.swapaxes(0, 1)):
        h, c = step(x_t, h, c, *weights)
        gradient_check(
            lambda changed, t=t, c=c: loss_from(t, changed, c),
            flow[:, t],
            h,
            tolerance=CENTRAL_DIFFERENCES,
        )


def attention(x):
    """A residual connection, attention over all states, and normalization."""
    h = keras.layers.LSTM(UNITS, return_sequences=True)(x)
    h = keras.layers.GRU(UNITS, return_sequences=True)(h) + h
    h = keras.layers.LayerNormalization()(keras.layers.Attention()([h, h]))
    return keras.layers.GlobalAveragePooling1D()(keras.layers.BatchNormalization()(h))


def merged(mode):
    def both_directions(x):
        h = keras.layers.Bidirectional(keras.layers.LSTM(UNITS), merge_mode=mode)(x)
        return keras.layers.Concatenate()(h) if mode is None else h

    return both_directions


def from_first_state(x):
    start = keras.layers.Dense(UNITS)(x[:, 0])
    return keras.layers.GRU(UNITS, go_backwards=True)(x[:, ::2], initial_state=start)


class Nudged:
    """While this lasts, a cell adds something to one of its states at one of its steps."""

    def __init__(self, cell, state, step, nudge):
        self.cell, self.state, self.step, self.nudge, self.calls = cell, state, step, nudge, 0

    def __enter__(self):
        call = self.cell.call

        def nudged(x, states, **options):
            output, new = call(x, states, **options)
            new, reached = list(new), self.calls == self.step
            self.calls += 1
            is_output = new[self.state] is output
            new[self.state] += self.nudge * reached
            return (new[self.state] if is_output else output), new

        vars(self.cell)["call"] = nudged

    def __exit__(self, *_):
        del vars(self.cell)["call"]


@pytest.mark.parametrize(
    "body",
    [attention, *map(merged, ("concat", "sum", "mul", "ave", None)), from_first_state],
    ids=["attention", "concat", "sum", "mul", "ave", "none", "from first state"],
)
def test_flow_in_any_architecture_is_what_nudging_a_state_changes(body):
    """The model itself runs, its loop unrolled, with h_t or c_t nudged: no probe, no derivative."""
    keras.utils.set_random_seed(0)
    x, y = data(targets=(3, 1))
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(1)(body(inputs)))
    model.compile(loss="mse", run_eagerly=True)
    flow = gradient_flow(model, x, y)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    rng, eps, checked = np.random.default_rng(1), 1e-5, 0
    for layer in layers:
        layer.unroll = True
        names = [name for name in flow if layer.name in name.split("/")]
        for state, name in enumerate(names):
            step = int(rng.integers(flow[name].shape[1]))
            nudge, losses = rng.normal(size=(3, UNITS)), []
            for sign in (1, -1):
                with Nudged(layer.cell, state, step, sign * eps * nudge):
                    losses.append(float(keras.ops.mean((model(x) - y) ** 2)))
            difference = (losses[0] - losses[1]) / (2 * eps)
            expected = np.sum(flow[name][:, step] * nudge)
            assert abs(difference - expected) <= 1e-6 * abs(expected) + 1e-9, (name, step)
            checked += 1
    assert checked == len(flow) > 0


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_flow_of_a_simple_rnn_is_that_of_the_numpy_cell(activation):
    layer = layer_of("SimpleRNN", activation=activation)
    model = model_of(layer)
    x, y = data(batch=4, time=20)
    cell = SimpleRNNCell(*layer.get_weights(), activation)
    states, cache = unroll(cell, x)
    v, d = model.layers[-1].get_weights()
    d_states = np.zeros_like(states)
    d_states[:, -1] = (sigmoid(states[:, -1] @ v + d) - y) / len(x) @ v.T
    expected = backpropagate_through_time(cell, cache, d_states).states
    np.testing.assert_allclose(gradient_flow(model, x, y)[layer.name], expected, 1e-11)


def test_flow_of_the_last_state_is_the_gradient_of_the_output_of_the_unchanged_layer():
    layer = layer_of("LSTM")
    model = model_of(layer)
    x, y = data()
    with tf.GradientTape() as tape:
        output = layer(x)
        tape.watch(output)
        loss = tf.reduce_mean(keras.losses.binary_crossentropy(y, model.layers[-1](output)))
    last = gradient_flow(model, x, y)[layer.name][:, -1]
    np.testing.assert_allclose(last, tape.gradient(loss, output), EXACT["float64"])


# Other models


def test_encoder_and_decoder_are_both_measured():
    """The encoder's last state reaches the loss only as the first state of the decoder."""
    keras.utils.set_random_seed(0)
    encoder = layer_of("LSTM", return_state=True, name="encoder")
    decoder = layer_of("LSTM", return_sequences=True, name="decoder")
    dense = keras.layers.Dense(1, activation="sigmoid", dtype="float64")
    source, target = (keras.Input((None, 3), dtype="float64") for _ in range(2))
    _, *states = encoder(source)
    model = keras.Model([source, target], dense(decoder(target, initial_state=states)))
    x, y = data(targets=(3, 4, 1))
    inputs = [x, x[:, :4]]
    loss = keras.losses.BinaryCrossentropy(dtype="float64")
    with tf.GradientTape() as tape:
        first, last = run(encoder, tf.constant(x), encoder.get_initial_state(3), tape)
        second, _ = run(decoder, tf.constant(x[:, :4]), last, tape)
        value = loss(y, dense(tf.stack(second[0], axis=1)))
    states = named("encoder", first) | named("decoder", second)
    expected = stacked(tape.gradient(value, states, unconnected_gradients="zero"))
    assert_equal_flow(gradient_flow(model, inputs, y, loss), expected)


def test_layers_of_nested_and_subclassed_models_are_found():
    inner = layer_of("GRU", return_sequences=True)
    outer = layer_of("LSTM")

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__(dtype="float64")
            self.inner = keras.Sequential([keras.Input((None, 3), dtype="float64"), inner])
            self.outer = outer
            self.dense = keras.layers.Dense(1, activation="sigmoid", dtype="float64")

        def call(self, x):
            return self.dense(self.outer(self.inner(x)))

    keras.utils.set_random_seed(0)
    model = Subclassed()
    x, y = data()
    model(x)
    loss = keras.losses.BinaryCrossentropy(dtype="float64")
    expected = expected_flow([inner, outer], model.dense, x, y)
    assert_equal_flow(gradient_flow(model, x, y, loss), expected)


def test_steps_are_counted_in_the_order_of_reading_if_a_layer_goes_backwards():
    backwards, forwards = layer_of("GRU", go_backwards=True, name="gru"), layer_of("GRU")
    x, y = data()
    model = model_of(backwards)
    other = model_of(forwards)
    other.set_weights(model.get_weights())
    expected = gradient_flow(other, x[:, ::-1], y)[forwards.name]
    np.testing.assert_array_equal(gradient_flow(model, x, y)["gru"], expected)


def test_frozen_layers_are_measured_as_well():
    layer = layer_of("SimpleRNN")
    model = model_of(layer)
    x, y = data()
    expected = gradient_flow(model, x, y)
    model.trainable = False
    np.testing.assert_array_equal(gradient_flow(model, x, y)[layer.name], expected[layer.name])


@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_flow_has_the_precision_that_keras_is_set_to(floatx):
    set_precision(floatx, floatx)
    layer = keras.layers.GRU(UNITS)
    model = keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(1)])
    flow = gradient_flow(model, *data(dtype=floatx), loss="mse")
    assert flow[layer.name].dtype == floatx


@pytest.mark.parametrize("eagerly", [False, True])
def test_data_are_cast_as_in_fit_unless_the_layer_is_more_precise(eagerly):
    """TensorFlow by itself subtracts no float32 from a float64."""

    class Judge(keras.Model):
        def compute_loss(self, x, y, y_pred, **options):
            return tf.reduce_mean((y - y_pred) ** 2)

    set_precision("float32", "float32")
    for dtype in ("float32", "float64"):
        inputs = keras.Input((None, 3), dtype=dtype)
        model = Judge(inputs, layer_of("GRU", dtype, units=1, name="gru")(inputs))
        model.compile(run_eagerly=eagerly)
        x, y = data()
        y += 1e-12  # is lost in float32
        last = gradient_flow(model, x, y)["gru"][:, -1]
        p = np.asarray(model(x.astype(dtype)))
        assert last.dtype == dtype
        np.testing.assert_allclose(last, 2 * (p - y.astype(dtype)) / 3, EXACT[dtype])


def test_states_that_the_loss_never_sees_have_gradient_zero():
    layer = layer_of("GRU", return_sequences=True)
    model = model_of(layer, keras.layers.Lambda(lambda h: h[:, 2]))
    flow = gradient_flow(model, *data())[layer.name]
    assert flow[:, :3].all()
    np.testing.assert_array_equal(flow[:, 3:], np.zeros((3, 3, UNITS)))
    cut = model_of(layer_of("GRU", name="cut"), keras.layers.Lambda(keras.ops.stop_gradient))
    np.testing.assert_array_equal(gradient_flow(cut, *data())["cut"], np.zeros((3, 6, UNITS)))


def test_dropout_is_off():
    plain, dropped = layer_of("LSTM"), layer_of("LSTM", dropout=0.5, recurrent_dropout=0.5)
    x, y = data()
    model, other = model_of(plain), model_of(dropped)
    other.set_weights(model.get_weights())
    expected = gradient_flow(model, x, y)[plain.name]
    np.testing.assert_allclose(gradient_flow(other, x, y)[dropped.name], expected, 1e-12)


# Other layers


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_both_directions_are_measured(kind, return_sequences):
    """Each in the order in which it reads."""
    layer = layer_of(kind, return_sequences=return_sequences, name="one")
    both = keras.layers.Bidirectional(layer, name="both", dtype="float64")
    model = model_of(both, graph=return_sequences)
    x, y = data(targets=(3, 6, 1) if return_sequences else None)
    parts, states = (both.forward_layer, both.backward_layer), {}
    with tf.GradientTape() as tape:
        outputs = []
        for part, sequence in zip(parts, (x, x[:, ::-1].copy()), strict=True):
            start = part.get_initial_state(len(x))
            by_step, last = run(part, tf.constant(sequence), start, tape)
            states |= named(f"both/{part.name}", by_step)
            steps = by_step[0] if part is parts[0] else by_step[0][::-1]
            outputs.append(tf.stack(steps, axis=1) if return_sequences else last[0])
        p = model.layers[-1](tf.concat(outputs, axis=-1))
        value = tf.reduce_mean(keras.losses.binary_crossentropy(y, p))
    expected = stacked(tape.gradient(value, states, unconnected_gradients="zero"))
    names = [f"both/{way}_one{c}" for way in ("forward", "backward") for c in ("", "/c")]
    assert list(expected) == [name for name in names if kind == "LSTM" or name[-2:] != "/c"]
    assert_equal_flow(gradient_flow(model, x, y), expected)


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


# Later calls use what the first has compiled


def test_a_later_call_sees_new_weights_data_and_states():
    layer = layer_of("LSTM", name="lstm")
    model = model_of(layer, graph=True)
    gradient_flow(model, *data())
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    x, y = rng.normal(size=(3, 6, 3)), np.ones((3, 1))
    expected = expected_flow([layer], model.layers[-1], x, y)
    assert_equal_flow(gradient_flow(model, x, y), expected)


def change_activation(model):
    model.layers[0].cell.activation = keras.activations.relu


def change_loss(model):
    model.compile(loss="mse")


def change_layers(model):
    model.add(keras.layers.Dense(1, dtype="float64"))
    model.layers[-1].set_weights([np.full((1, 1), 3.0), np.ones(1)])


@pytest.mark.parametrize("change", [change_activation, change_loss, change_layers])
def test_a_later_call_sees_what_has_changed(change):
    x, y = data()
    model, fresh = (model_of(layer_of("SimpleRNN", name="rnn"), graph=True) for _ in range(2))
    before = gradient_flow(model, x, y)["rnn"]
    for each in (model, fresh):
        change(each)
    after = gradient_flow(model, x, y)["rnn"]
    assert not np.allclose(after, before)
    np.testing.assert_allclose(after, gradient_flow(fresh, x, y)["rnn"], EXACT["float64"])


@pytest.mark.parametrize("name", ["scale", "_scale"])
@pytest.mark.parametrize(
    ("once", "thrice"),
    [(1.0, 3.0), (np.float32(1), np.float32(3)), ([1.0], [3.0]), ({"by": 1.0}, {"by": 3.0})],
    ids=str,
)
def test_a_later_call_sees_what_has_changed_in_an_attribute_of_the_model(name, once, thrice):
    model = scaling(name, once)
    before = gradient_flow(model, *data())["rnn"]
    setattr(model, name, thrice)
    np.testing.assert_allclose(gradient_flow(model, *data())["rnn"], 3 * before, 1e-12)


@pytest.mark.parametrize(("held", "place"), [([1.0], 0), (np.ones(2), 0), ({"by": 1.0}, "by")])
def test_a_later_call_sees_what_has_changed_in_place(held, place):
    model = scaling("scale", held)
    before = gradient_flow(model, *data())["rnn"]
    model.scale[place] = 3.0
    np.testing.assert_allclose(gradient_flow(model, *data())["rnn"], 3 * before, 1e-12)


@pytest.mark.parametrize("stacked", [False, True])
def test_a_later_call_sees_what_has_changed_in_a_cell_that_is_no_layer(stacked):
    class Cell:
        state_size, output_size, compute_dtype = 1, 1, "float64"

        def __init__(self, rate):
            self.rate = rate

        def call(self, x, states):
            h = self.rate * states[0] + x
            return h, [h]

        __call__ = call

    def last(cell):
        return gradient_flow(model, np.ones((2, 3, 1)), np.zeros((2, 1)))[name_of[stacked]][:, 0]

    name_of = {False: "rnn", True: "rnn/Cell"}
    cell = Cell(0.5)
    model = keras.Sequential(
        [keras.Input((None, 1)), keras.layers.RNN([cell] if stacked else cell, name="rnn")]
    )
    model.compile(loss=lambda y, p: p)
    half = last(cell)
    cell.rate = 0.25
    np.testing.assert_allclose(half, 4 * last(cell))


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


def scaling(name, scale):
    """A model that scales its prediction, and so the gradient, by what it holds under a name."""

    class Scaling(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layer_of("SimpleRNN", name="rnn", units=1)

        def call(self, x):
            (by, *_) = np.ravel(keras.tree.flatten(getattr(self, name)))
            return float(by) * self.rnn(x)

    model = Scaling()
    setattr(model, name, scale)
    model(data()[0])
    model.compile(loss=lambda y, p: p)
    return model


def test_a_later_call_with_another_loss_is_told_apart():
    model = model_of(layer_of("GRU", name="gru"), graph=True)
    x, y = data()

    def scaled(factor):
        return lambda y, p: factor * tf.reduce_mean((y - p) ** 2)

    once, thrice = (gradient_flow(model, x, y, scaled(k))["gru"] for k in (1.0, 3.0))
    np.testing.assert_allclose(thrice, 3 * once, EXACT["float64"])
    squares, lines = (gradient_flow(model, x, y, loss)["gru"] for loss in ("mse", "mae"))
    assert not np.allclose(squares, lines)


def test_a_bounded_number_of_graphs_is_kept_and_none_longer_than_the_model():
    model = model_of(layer_of("SimpleRNN", units=1), graph=True)
    gone = ref(model)
    for batch in range(1, gradient_flow_module._KEPT + 3):
        gradient_flow(model, *data(batch, time=2))
    assert len(gradient_flow_module._COMPILED[model]) == gradient_flow_module._KEPT
    del model
    gc.collect()
    assert gone() is None


def test_a_later_call_compiles_nothing():
    model = model_of(layer_of("GRU"), graph=True)
    gradient_flow(model, *data())
    (graph,) = gradient_flow_module._COMPILED[model].values()
    model.fit(*data(), verbose=0)  # sets attributes of the model, as does
    model.predict(data()[0], verbose=0)
    model.stop_training = True
    gradient_flow(model, *data())
    assert list(gradient_flow_module._COMPILED[model].values()) == [graph]


def test_losses_that_layers_have_added_are_as_they_were():
    model = model_of(layer_of("GRU"), keras.layers.ActivityRegularization(l2=0.5), graph=True)
    x, y = data()
    model(x)
    before = [float(loss) for loss in model.losses]
    gradient_flow(model, 2 * x, y)
    assert [float(loss) for loss in model.losses] == before


# Losses


def test_gradients_scale_as_one_over_batch():
    layer = layer_of("SimpleRNN")
    model = model_of(layer)
    x, y = data(batch=4)
    together = gradient_flow(model, x, y)[layer.name]
    alone = [gradient_flow(model, x[i : i + 1], y[i : i + 1])[layer.name][0] for i in range(4)]
    np.testing.assert_allclose(together, np.stack(alone) / 4, 1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        "mean_squared_error",
        keras.losses.MeanSquaredError(dtype="float64"),
        lambda y, p: tf.square(y - p),
        lambda y, p: tf.reduce_mean(tf.square(y - p)),
    ],
    ids=["short name", "name", "object", "callable", "scalar callable"],
)
@pytest.mark.parametrize("flat", [False, True])
def test_loss_may_be_a_name_an_object_or_a_callable(loss, flat):
    """Also with targets of shape (batch,) where the model predicts (batch, 1)."""
    layer = layer_of("GRU")
    model = model_of(layer)
    x, y = data()
    expected = expected_flow([layer], model.layers[-1], x, y, loss=keras.losses.mean_squared_error)
    flow = gradient_flow(model, x, y[:, 0] if flat else y, loss)[layer.name]
    np.testing.assert_allclose(flow, expected[layer.name], 1e-12)


def test_the_default_loss_counts_regularizers():
    layer, regularizer = layer_of("SimpleRNN"), keras.layers.ActivityRegularization(l2=0.5)
    model = model_of(layer, regularizer)
    x, y = data()
    plain = gradient_flow(model, x, y, "binary_crossentropy")
    states = layer(x)
    with tf.GradientTape() as tape:  # versions of Keras differ in whether they divide by the batch
        tape.watch(states)
        regularizer(states)
        penalty = sum(regularizer.losses)
    last = (gradient_flow(model, x, y)[layer.name] - plain[layer.name])[:, -1]
    np.testing.assert_allclose(last, tape.gradient(penalty, states), 1e-12)


# Masks


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_masked_step_carries_the_state_and_its_gradient_on(kind, return_sequences):
    layers = [layer_of(kind, return_sequences=True), layer_of(kind, return_sequences=True)]
    layers[-1].return_sequences = return_sequences
    model = model_of(keras.layers.Masking(dtype="float64"), *layers, graph=return_sequences)
    x, y = data(batch=4, targets=(4, 6, 1) if return_sequences else (4, 1))
    x[1, 4:] = x[2, :2] = x[3, 2:4] = 0  # the end, the start, the middle
    mask = x.any(axis=-1)

    def loss(y, p):
        return (y - p) ** 2

    flow = gradient_flow(model, x, y, lambda y, p: tf.reduce_mean(loss(y, p)))
    expected = expected_flow(layers, model.layers[-1], x, y, mask, loss)
    assert_equal_flow(flow, expected)
    if not return_sequences:  # nothing else reaches the states of the steps at the end
        last = flow[layers[-1].name]
        np.testing.assert_array_equal(last[1, 4], last[1, 3])


@pytest.mark.parametrize("zero_output", [False, True])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"return_sequences": True}])
def test_predictions_while_measuring_are_those_of_the_model(zero_output, options):
    """Masked steps included, with a first state that is not zero."""
    keras.utils.set_random_seed(0)
    x, _ = data(batch=4)
    x[1, 4:] = x[2, :2] = x[3, 2:4] = 0
    h, c = np.random.default_rng(1).normal(size=(2, 4, UNITS))
    layer = layer_of("LSTM", zero_output_for_mask=zero_output, return_state=True, **options)
    sequence = keras.Input((None, 3), dtype="float64")
    states = [keras.Input((UNITS,), dtype="float64") for _ in range(2)]
    # Keras passes a mask on by itself only to a layer that is called on one tensor
    mask = keras.ops.any(keras.ops.not_equal(sequence, 0), axis=-1)
    outputs = layer(sequence, mask=mask, initial_state=states)
    flat = keras.layers.Concatenate(dtype="float64")([*outputs[1:], outputs[1]])
    model = keras.Model([sequence, *states], [outputs[0], flat])
    model.run_eagerly = True
    measured = []

    def loss(_, prediction):
        measured.append(prediction.numpy())
        return tf.reduce_mean(prediction, axis=-1)

    y = [np.zeros_like(p) for p in model.predict([x, h, c], verbose=0)]
    gradient_flow(model, [x, h, c], y, loss)
    for seen, predicted in zip(measured, model([x, h, c]), strict=True):
        np.testing.assert_allclose(seen, predicted, 1e-6)


# The model stays as it was


def snapshot(model):
    optimizer = model.optimizer.variables
    return [v.numpy().copy() for v in (*model.variables, *optimizer, *model.metrics_variables)]


def test_the_model_is_left_as_it_was():
    layers = [
        layer_of("LSTM", return_sequences=True, dropout=0.1, recurrent_dropout=0.1),
        layer_of("GRU"),
    ]
    model = model_of(*layers)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    x, y = data()
    model.fit(x, y, epochs=1, verbose=0)
    model.run_eagerly = False
    before, attributes = snapshot(model), [dict(vars(layer)) for layer in layers]
    gradient_flow(model, x, y)
    after = snapshot(model)
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    assert attributes == [dict(vars(layer)) for layer in layers]


def test_running_means_of_several_losses_are_left_as_they_were():
    x, y = data()
    inputs = keras.Input((None, 3))
    h = layer_of("GRU")(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(1)(h), keras.layers.Dense(1)(h)])
    model.compile("sgd", loss=["mse", "mae"])
    model.evaluate(x, [y, y], verbose=0)
    before = snapshot(model)
    gradient_flow(model, 2 * x, [y, y])
    for old, new in zip(before, snapshot(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_goes_on_as_if_nothing_had_been_measured():
    x, y = data()

    def trained(measure):
        keras.utils.set_random_seed(0)  # a layer draws the seed of its weights when it is made
        model = model_of(layer_of("GRU", dropout=0.2))
        for _ in range(2):
            model.run_eagerly = False
            if measure:
                gradient_flow(model, x, y)
            model.run_eagerly = True  # saves the time that compiling takes
            model.fit(x, y, epochs=1, verbose=0)
        return model.get_weights()

    for measured, plain in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(measured, plain)


def test_no_name_that_keras_counts_is_used_up():
    before, measured = keras.Sequential().name, model_of(layer_of("GRU"))
    gradient_flow(measured, *data(), loss="mse")
    numbers = [int(re.sub(r"\D", "", name) or 0) for name in (before, keras.Sequential().name)]
    assert numbers[1] == numbers[0] + 2  # one is that of the model


def test_the_model_is_left_as_it_was_after_an_error():
    layer = layer_of("GRU", return_sequences=True)
    model = model_of(layer, keras.layers.Lambda(lambda h: h[:, 9]))
    with pytest.raises(Exception, match="index 9"):
        gradient_flow(model, *data())
    assert "inner_loop" not in vars(layer)


# Errors


def refused(message, model, *arguments):
    with pytest.raises(ValueError, match=message):
        gradient_flow(model, *(arguments or data()))


def test_a_model_without_recurrent_layer_is_refused():
    refused("expected a recurrent layer in the model, got none", model_of())


def test_a_model_that_is_not_built_is_refused():
    message = "expected a built model, got 'fresh', which is not: start it with a keras.Input, or"
    refused(message, keras.Sequential([layer_of("GRU")], name="fresh"))


def test_something_that_is_no_model_is_refused():
    message = "expected an instance of keras.Model, got "
    refused(message + r"an instance of keras\..*\.GRU", layer_of("GRU"))
    refused(message + "the class keras", keras.Sequential)


def test_a_model_with_neither_loss_nor_argument_is_refused():
    model = keras.Sequential([keras.Input((None, 3)), layer_of("GRU")])
    refused("expected a compiled model or a loss, got neither", model)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    refused("expected the TensorFlow backend, got 'jax'", model_of(layer_of("GRU")))


def test_a_layer_with_a_loop_of_its_own_is_refused_by_name():
    class Skipping(keras.layers.GRU):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            return super().inner_loop(sequences[:, ::2], initial_state, mask, training)

    model = model_of(Skipping(2, name="mine"))
    refused("expected the loop of Keras, but 'mine' of type Skipping has its own", model)


def test_a_layer_that_is_applied_to_every_slice_is_refused():
    layer = keras.layers.TimeDistributed(layer_of("GRU", name="inner"), name="outer")
    model = keras.Sequential([keras.Input((2, 4, 3)), layer])
    x, y = np.ones((3, 2, 4, 3)), np.ones((3, 2, UNITS))
    refused("expected 'inner' to run by itself, not within 'outer'", model, x, y, "mse")


def test_a_layer_within_a_function_of_its_own_is_refused():
    class Compiled(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layer_of("GRU", name="inner")

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return tf.function(self.inner, autograph=False)(x)

    model = model_of(Compiled())
    refused("expected 'inner' to run by itself, not within another function", model)
    assert "inner_loop" not in vars(model.layers[0].inner)


def test_layers_of_one_name_in_different_models_are_named_by_path():
    def inner(name, *parts):
        return keras.Sequential([keras.Input((None, 3)), *parts], name=name)

    def same():
        return layer_of("GRU", name="same", units=3)

    both = keras.layers.Bidirectional(layer_of("GRU", name="one"), name="both")
    parts = same(), inner("a", same()), inner("b", inner("a", same())), inner("c", both)
    model = model_of_parts(*parts)
    expected = ["same", "a/same", "b/a/same", "both/forward_one", "both/backward_one"]
    x, _ = data()
    flow = gradient_flow(model, x, np.ones(model(x).shape))
    assert sorted(flow) == sorted(expected)
    last = np.asarray(parts[1](x)) - 1
    np.testing.assert_allclose(flow["a/same"][:, -1], 2 * last / model(x).numpy().size, 1e-12)


def test_two_layers_of_one_name_are_refused():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.twins = [layer_of("GRU", name="same") for _ in range(2)]

        def call(self, x):
            return self.twins[0](x) + self.twins[1](x)

    model = Twins()
    model(data()[0])
    refused("of different names, got two 'same'", model, *data(), "mse")


def model_of_parts(*parts):
    """All parts on one input."""
    x = keras.Input((None, 3), dtype="float64")
    model = keras.Model(x, keras.layers.Concatenate(dtype="float64")([part(x) for part in parts]))
    model.compile(loss="mse")
    return model


def test_a_layer_that_is_not_called_is_refused():
    class Idle(keras.Model):
        def __init__(self):
            super().__init__()
            self.idle = keras.layers.GRU(2, name="idle")

        def build(self, _):
            self.idle.build((None, None, 3))

        def call(self, x):
            return x

    model = Idle()
    model(np.zeros((3, 6, 3)))
    refused(r"every recurrent layer, but not \['idle'\]", model, *data(), "mse")


def test_a_layer_whose_loop_is_not_that_of_keras_is_refused_with_what_may_be_the_reason():
    class Looping(keras.layers.GRU):
        def call(self, sequences, initial_state=None, mask=None, training=False):
            return self.cell(sequences[:, 0], [tf.zeros((3, self.units), "float64")])[0]

    class Traced(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layer_of("GRU", name="mine")

        @tf.function
        def call(self, x):
            return self.inner(x)

    traced = Traced()
    traced(data()[0])
    looping = model_of(Looping(2, name="mine"))
    for model, reason in ((looping, "looping in a `call` of its own"), (traced, "a tf.function")):
        refused(rf"recurrent layer, but not \['mine'\]: .*{reason}", model, *data(), "mse")


def test_where_the_compiled_model_has_no_loss_one_is_asked_for():
    model = keras.Sequential([keras.Input((None, 3)), layer_of("GRU")])
    model.compile("sgd", run_eagerly=True)  # as for a train_step of one's own
    refused("expected a loss, got none from compile or add_loss: give it as loss= to", model)


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 2)], ids=str)
def test_an_error_of_a_model_of_ones_own_says_what_the_shape_of_x_was(shape, eagerly):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.inner = layer_of("GRU")

        def call(self, x):
            return self.inner(x)

    model = Own()
    model(data()[0])
    model.run_eagerly = eagerly
    with pytest.raises(Exception) as caught:
        gradient_flow(model, np.ones(shape), np.ones((3, UNITS)), "mse")
    assert caught.value.__notes__ == [f"gradient_flow called 'own' with x of shape [{shape}]"]


@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 2), (3, 6, 3, 1), (3, 0, 3), (0, 6, 3)], ids=str)
def test_inputs_of_wrong_shape_are_refused(shape):
    message = r"expected x of shape \[\(None, None, 3\)\] with no empty axis, got \[\("
    refused(message, model_of(layer_of("GRU")), np.zeros(shape), np.zeros((shape[0], 1)))


def test_a_wrong_number_of_inputs_is_refused():
    x, y = data()
    refused("expected x of shape", model_of(layer_of("GRU")), [x, x], y)


def test_inputs_are_taken_by_name_as_in_fit():
    """Keras sorts a dictionary; the inputs of a list stand in the order of their making."""
    sequence, text = (
        keras.Input((None, 3), name="seq"),
        keras.Input((1,), dtype="int32", name="code"),
    )
    h = layer_of("GRU", name="gru")(sequence)
    model = keras.Model([sequence, text], h * keras.ops.cast(text, "float64"))
    model.run_eagerly = True
    x, y = data(targets=(3, UNITS))
    code = np.array([[2], [3], [4]])
    expected = gradient_flow(model, [x, code], y, "mse")["gru"]
    for more in ({}, {"unread": y}):
        flow = gradient_flow(model, {"seq": x, "code": code, **more}, y, "mse")["gru"]
        np.testing.assert_array_equal(flow, expected)
    message = r"expected x for the inputs \['seq', 'code'\], got it for \['seq', 'text'\]"
    refused(message, model, {"seq": x, "text": code}, y, "mse")


@pytest.mark.parametrize("shape", [(1, 1), (4, 1), ()], ids=str)
def test_a_wrong_number_of_targets_is_refused(shape):
    x, _ = data()
    message = "expected y with one target for each of the 3 sequences of x, got shape"
    refused(message, model_of(layer_of("GRU")), x, np.zeros(shape))


@pytest.mark.parametrize("loss", ["mse", "MeanAbsoluteError", keras.losses.Huber(), None])
@pytest.mark.parametrize(
    ("outputs", "shape"), [(1, (3, 7)), (7, (3, 1)), (7, (3,)), (1, (3, 6, 1))]
)
def test_targets_that_the_loss_would_stretch_are_refused(loss, outputs, shape):
    """Keras broadcasts (3, 7) against (3, 1) and returns a number."""
    model = model_of(layer_of("GRU"), outputs=outputs)
    x, _ = data()
    refused(r"expected y of shape \(3, [17]\), as \w+ takes it", model, x, np.zeros(shape), loss)


def model_of_outputs(structure):
    """Outputs p of size 1 and q of size 2."""
    x = keras.Input((None, 3), dtype="float64")
    h = layer_of("GRU", name="gru")(x)
    p, q = keras.layers.Dense(1, name="p")(h), keras.layers.Dense(2, name="q")(h)
    model = keras.Model(x, structure(p=p, q=q))
    model.run_eagerly = True
    return model


def as_list(p, q):
    return [p, q]


@pytest.mark.parametrize("outputs", [as_list, dict])
@pytest.mark.parametrize("targets", [as_list, dict])
@pytest.mark.parametrize("loss", ["mse", ["mse", "mae"], {"p": "mse", "q": "mae"}], ids=str)
def test_losses_of_several_outputs_are_taken_as_compile_takes_them(outputs, targets, loss):
    x, y = data()
    model, y = model_of_outputs(outputs), targets(p=y, q=y * [1.0, -2.0])
    given = gradient_flow(model, x, y, loss)["gru"]
    model.compile(loss=loss, run_eagerly=True)
    np.testing.assert_array_equal(given, gradient_flow(model, x, y)["gru"])


@pytest.mark.parametrize("outputs", [as_list, dict])
@pytest.mark.parametrize("targets", [as_list, dict])
@pytest.mark.parametrize("loss", ["mse", [None, "mse"], {"p": "mse", "q": "mse"}], ids=str)
def test_targets_of_several_outputs_are_not_stretched_either(outputs, targets, loss):
    x, y = data()
    message = r"expected y of shape \(3, 2\) for output 'q', as mean_squared_error takes it"
    refused(message, model_of_outputs(outputs), x, targets(p=y, q=y), loss)


def test_targets_for_other_outputs_are_refused():
    x, y = data()
    message = r"expected y for the outputs \['p', 'q'\], got it for \['p', 'r'\]"
    refused(message, model_of_outputs(dict), x, {"p": y, "r": y}, "mse")


def test_targets_of_an_output_without_loss_may_be_left_out():
    x, y = data()
    model, q = model_of_outputs(dict), np.hstack([y, -y])
    of_p = gradient_flow(model, x, {"p": y}, {"p": "mse"})["gru"]
    of_q = gradient_flow(model, x, [q], {"q": "mse"})["gru"]
    both = gradient_flow(model, x, {"p": y, "q": q}, "mse")["gru"]
    np.testing.assert_allclose(of_p + of_q, both, 1e-10, atol=1e-15)
    assert of_p.any() and of_q.any()


@pytest.mark.parametrize("outputs", [as_list, dict])
@pytest.mark.parametrize("targets", [as_list, dict])
@pytest.mark.parametrize("eagerly", [False, True])
def test_targets_of_an_output_without_loss_may_be_none(outputs, targets, eagerly):
    x, y = data()
    model = model_of_outputs(outputs)
    model.compile(loss=outputs(p="mse", q=None), run_eagerly=eagerly)
    expected = gradient_flow(model, x, targets(p=y, q=np.hstack([y, -y])))["gru"]
    np.testing.assert_array_equal(gradient_flow(model, x, targets(p=y, q=None))["gru"], expected)
    message = r"expected y for the outputs \['p'\], got None for 'p'"
    refused(message, model, x, targets(p=None, q=np.hstack([y, -y])))


def test_targets_by_name_for_the_only_output_are_refused():
    x, y = data()
    message = r"expected y as an array for the only output, got it for \['o'\]"
    refused(message, model_of(layer_of("GRU")), x, {"o": y})


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_model_that_is_its_own_judge_needs_no_targets(eagerly):
    class Quiet(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.sum(x**2))
            return x

    layer = layer_of("GRU", name="gru")
    model = keras.Sequential([keras.Input((None, 3)), layer, Quiet()])
    model.compile("sgd", run_eagerly=eagerly)
    x, _ = data()
    flow = gradient_flow(model, x, None)["gru"]
    np.testing.assert_allclose(flow[:, -1], 2 * layer(x), 1e-12)
    refused("expected y, which the loss compares with the output, got None", model, x, None, "mse")


@pytest.mark.parametrize("x", [tf.data.Dataset.range(3), iter([1.0]), None], ids=type)
def test_what_is_no_batch_is_refused_by_name(x):
    message = "expected x as arrays of one batch, such as one `next(iter(dataset))` gives, got "
    refused(re.escape(message) + type(x).__name__, model_of(layer_of("GRU")), x, np.ones((3, 1)))


def test_for_a_ragged_tensor_padding_and_a_mask_are_asked_for():
    x = tf.ragged.constant([[1.0], [1.0, 2.0]])
    refused("got RaggedTensor: pad and mask it", model_of(layer_of("GRU")), x, np.ones((2, 1)))


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_sparse_targets_are_taken(shape):
    layer = layer_of("GRU")
    model = model_of(layer, outputs=5)
    x, _ = data()
    y = np.array([0, 4, 2])
    expected = gradient_flow(model, x, np.eye(5)[y], "categorical_crossentropy")
    flow = gradient_flow(model, x, y.reshape(shape), "sparse_categorical_crossentropy")
    np.testing.assert_allclose(flow[layer.name], expected[layer.name], 1e-10)


def test_sparse_targets_of_the_wrong_shape_are_refused():
    model = model_of(layer_of("GRU"), outputs=5)
    message = r"expected y of shape \(3,\), as sparse_categorical_crossentropy takes it"
    loss = "sparse_categorical_crossentropy"
    refused(message, model, data()[0], np.zeros((3, 5), int), loss)


def test_a_loss_of_ones_own_may_take_any_targets():
    model = model_of(layer_of("GRU", name="gru"))
    x, _ = data()
    flow = gradient_flow(model, x, np.ones((3, 7)), lambda y, p: tf.reduce_mean((y - p) ** 2))
    assert flow["gru"].any()


@pytest.mark.filterwarnings("ignore:The structure of")  # Keras says so for [x]
def test_lists_are_taken():
    model = model_of(layer_of("GRU", name="gru"))
    x, y = data()
    expected = gradient_flow(model, x, y)["gru"]
    for targets in (y.tolist(), y[:, 0].tolist(), tuple(y[:, 0])):
        np.testing.assert_array_equal(gradient_flow(model, x.tolist(), targets)["gru"], expected)
    np.testing.assert_array_equal(gradient_flow(model, [x], [y])["gru"], expected)


def test_lists_for_several_inputs_are_taken():
    first, second = (layer_of("GRU", name=name) for name in ("first", "second"))
    inputs = [keras.Input((None, 3), dtype="float64") for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Add()([first(inputs[0]), second(inputs[1])]))
    x, y = data(targets=(3, UNITS))
    expected = gradient_flow(model, [x, 2 * x], y, "mse")
    flow = gradient_flow(model, [x.tolist(), (2 * x).tolist()], y.tolist(), "mse")
    for name, gradient in expected.items():
        np.testing.assert_array_equal(flow[name], gradient)


def test_lists_of_different_lengths_are_refused():
    model = model_of(layer_of("GRU"))
    message = "expected x with sequences of one length, padded and masked"
    refused(message, model, [[[1.0] * 3] * 2, [[1.0] * 3]], [0, 1])


@pytest.mark.parametrize("place", ["x", "y"])
@pytest.mark.parametrize(
    ("values", "kind"), [("<U1", "<U1"), (object, "object"), (complex, "complex128")]
)
def test_values_that_are_not_numbers_are_refused(place, values, kind):
    arrays = dict(zip("xy", data(), strict=True))
    arrays[place] = arrays[place].astype(values)
    message = f"expected numbers in {place}, got values of type {kind}"
    refused(message, model_of(layer_of("GRU")), *arrays.values())


def test_a_layer_that_reads_text_is_measured():
    words = keras.layers.TextVectorization(vocabulary=["deep", "cat"], output_sequence_length=4)
    layer = keras.layers.GRU(2, name="gru")
    text = keras.Input((1,), dtype="string")
    model = keras.Model(text, layer(keras.layers.Embedding(4, 3)(words(text))))
    flow = gradient_flow(model, np.array([["deep cat"], ["a cat"]]), np.ones((2, 2)), "mse")
    assert flow["gru"].shape == (2, 4, 2) and flow["gru"].all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["x", "y"])
def test_values_that_are_not_finite_are_refused(place, value):
    x, y = data()
    (x if place == "x" else y).flat[0] = value
    refused(f"expected finite values in {place}, got NaN", model_of(layer_of("GRU")), x, y)
