"""The measured gradient of every state, against automatic and numeric differentiation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import (
    EXACT,
    LAYERS,
    UNITS,
    assert_equal_flow,
    data,
    expected_flow,
    layer_of,
    model_of,
    named,
    run,
    stacked,
)

from unrolled import SimpleRNNCell, backpropagate_through_time, gradient_check, unroll
from unrolled.gradient_flow import gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


CENTRAL_DIFFERENCES = 1e-7


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
    flow = gradient_flow(model, x, y)
    assert_equal_flow(flow, expected)
    assert flow.backward == {name for name in names[2:] if name in flow}


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


def test_dropout_is_off():
    plain, dropped = layer_of("LSTM"), layer_of("LSTM", dropout=0.5, recurrent_dropout=0.5)
    x, y = data()
    model, other = model_of(plain), model_of(dropped)
    other.set_weights(model.get_weights())
    expected = gradient_flow(model, x, y)[plain.name]
    np.testing.assert_allclose(gradient_flow(other, x, y)[dropped.name], expected, 1e-12)


def test_gradients_scale_as_one_over_batch():
    layer = layer_of("SimpleRNN")
    model = model_of(layer)
    x, y = data(batch=4)
    together = gradient_flow(model, x, y)[layer.name]
    alone = [gradient_flow(model, x[i : i + 1], y[i : i + 1])[layer.name][0] for i in range(4)]
    np.testing.assert_allclose(together, np.stack(alone) / 4, 1e-12)
