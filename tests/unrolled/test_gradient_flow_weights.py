"""Gradients of weights, and the share of each time step in them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import UNITS, data, layer_of, model_of, subclassed

from unrolled.gradient_flow import GradientFlow, gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


def shares_by_hand(run_with, variables, x):
    """Shares by automatic differentiation with a copy of each weight for every step.

    `run_with(copies)` is the loss, with ``copies[t]`` in place of the weights at step t.
    """
    time = x.shape[1]
    copies = [[tf.identity(v.value) for v in variables] for _ in range(time)]
    with tf.GradientTape() as tape:
        tape.watch(copies)
        value = run_with(copies)
    by_step = tape.gradient(value, copies, unconnected_gradients="zero")
    shares = []
    for parts in zip(*by_step, strict=True):
        parts = np.stack(parts).reshape(time, -1)
        whole = parts.sum(axis=0)
        shares.append((parts @ whole / (whole @ whole), parts.sum(axis=0)))
    return shares


def stepped(layer, sequence, copies, mask=None, start=None):
    """The outputs of a layer's cell step by step, with other weights at each step."""
    states, outputs, output = start or layer.get_initial_state(len(sequence)), [], 0.0
    for t, weights in enumerate(copies):
        with keras.StatelessScope(zip(layer.cell.trainable_variables, weights, strict=True)):
            new_output, new = layer.cell(sequence[:, t], states)
        keep = np.ones((len(sequence), 1), bool) if mask is None else mask[:, t, None]
        pairs = zip(new, states, strict=True)
        states = [tf.where(keep, state, old) for state, old in pairs]
        output = tf.where(keep, new_output, output)
        outputs.append(output)
    return outputs


class Emitting(keras.layers.Layer):
    """A state, and an output with a map of its own that also reads the input."""

    state_size = output_size = UNITS

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1], UNITS), name="kernel")
        self.mix = self.add_weight((UNITS, UNITS), name="mix")
        self.out = self.add_weight((UNITS, UNITS), name="out")
        self.skip = self.add_weight((shape[-1], UNITS), name="skip")
        self.built = True

    def call(self, x, states):
        h = keras.ops.tanh(x @ self.kernel + states[0] @ self.mix)
        return h @ self.out + keras.ops.tanh(x @ self.skip), [h]


def layer_with(kind):
    if kind == "own output":
        return keras.layers.RNN(Emitting(dtype="float64"), name="layer", dtype="float64")
    return layer_of(kind, name="layer")


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU", "own output"])
@pytest.mark.parametrize(("masked", "graph"), [(False, True), (True, False)])
@pytest.mark.parametrize("sequences", [False, True])
def test_shares_are_those_of_the_uses_of_a_weight_at_each_step(kind, masked, graph, sequences):
    layer = layer_with(kind)
    layer.return_sequences = sequences
    before = [keras.layers.Masking(dtype="float64")] if masked else []
    model = model_of(*before, layer, graph=graph)
    x, y = data(batch=4, targets=(4, 6, 1) if sequences else (4, 1))
    if masked:
        x[1, 4:] = x[3, 2:4] = 0
    mask = x.any(axis=-1)

    def averaged(y, p):  # whatever is masked
        return tf.reduce_mean((y - p) ** 2)

    def loss(copies):
        outputs = stepped(layer, tf.constant(x), copies, mask)
        return averaged(
            y, model.layers[-1](tf.stack(outputs, axis=1) if sequences else outputs[-1])
        )

    flow = gradient_flow(model, x, y, averaged, weights=True)

    variables = layer.cell.trainable_variables
    by_hand = shares_by_hand(loss, variables, x)
    assert list(flow.shares) == [v.path for v in variables]
    for v, (share, total) in zip(variables, by_hand, strict=True):
        np.testing.assert_allclose(flow.shares[v.path], share, 1e-8, 1e-10)
        np.testing.assert_allclose(flow.weights[v.path].ravel(), total, 1e-8, 1e-12)
    for share in flow.shares.values():
        assert share.shape == (6,)
        np.testing.assert_allclose(share.sum(), 1, 1e-12)


def training_gradients(model, x, y):
    """Gradients of the compiled loss with respect to all weights, by the tape of TensorFlow."""
    with tf.GradientTape() as tape:
        value = model.compute_loss(x, y, model(x, training=False))
    variables = model.trainable_variables
    return dict(zip([v.path for v in variables], tape.gradient(value, variables), strict=True))


def bidirectional():
    layer = layer_of("LSTM", return_sequences=True, name="one")
    return keras.layers.Bidirectional(layer, name="both"), layer_of("GRU", name="last")


def pile():
    cells = [keras.layers.LSTMCell(3, name="low"), keras.layers.GRUCell(2, name="high")]
    return (keras.layers.RNN(cells, name="pile"),)


def slices():
    inner = keras.Sequential([keras.Input((3, 1)), layer_of("GRU", name="inner")])
    reshape = keras.layers.Reshape((-1, 3, 1))
    return reshape, keras.layers.TimeDistributed(inner), layer_of("GRU", name="outer")


@pytest.mark.parametrize("layers", [bidirectional, pile, slices])
@pytest.mark.parametrize("graph", [False, True])
def test_gradients_of_weights_are_those_of_the_tape(layers, graph):
    model = model_of(*layers(), graph=graph)
    x, y = data()
    expected = training_gradients(model, x, y)
    flow, plain = gradient_flow(model, x, y, weights=True), gradient_flow(model, x, y)
    assert list(flow.weights) == list(expected)
    for name, gradient in expected.items():
        np.testing.assert_allclose(flow.weights[name], gradient, 1e-9, 1e-14)
    for name, gradient in plain.items():
        np.testing.assert_array_equal(flow[name], gradient)
    assert plain.weights == plain.shares == {}
    assert len(flow.shares) == sum(v.path in flow.shares for v in model.trainable_variables) > 0
    for share in flow.shares.values():
        np.testing.assert_allclose(share.sum(), 1, 1e-12)


def test_the_cells_of_a_pile_have_the_shares_of_layers():
    model, other = (
        model_of(*pile()),
        model_of(layer_of("LSTM", units=3, return_sequences=True), layer_of("GRU", units=2)),
    )
    other.set_weights(model.get_weights())
    x, y = data()
    ours, theirs = (gradient_flow(m, x, y, weights=True).shares for m in (model, other))
    for share, expected in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(share, expected, 1e-8)


def test_the_calls_that_share_a_weight_share_its_gradient():
    keras.utils.set_random_seed(0)
    layer = layer_of("GRU", name="twice", units=3, return_sequences=True)
    inputs = keras.Input((None, 3), dtype="float64")
    model = keras.Model(inputs, layer(layer(inputs)[:, ::2]))
    model.compile(loss="mse", run_eagerly=True)
    x, y = data(targets=(3, 3, 3))
    flow = gradient_flow(model, x, y, weights=True)
    cell = layer.cell

    def loss(copies):
        first = tf.stack(stepped(layer, tf.constant(x), copies[:6]), axis=1)
        return tf.reduce_mean(
            (tf.stack(stepped(layer, first[:, ::2], copies[6:]), axis=1) - y) ** 2
        )

    by_hand = shares_by_hand(loss, cell.trainable_variables, np.zeros((1, 9)))
    assert set(flow.shares) == {
        v.path + call for v in cell.trainable_variables for call in ("", "#2")
    }
    for v, (share, total) in zip(cell.trainable_variables, by_hand, strict=True):
        both = np.concatenate([flow.shares[v.path], flow.shares[f"{v.path}#2"]])
        np.testing.assert_allclose(both, share, 1e-8, 1e-10)
        np.testing.assert_allclose(flow.weights[v.path].ravel(), total, 1e-8, 1e-12)


def test_what_a_regularizer_adds_belongs_to_no_step():
    x, y = data()
    plain, heavy = (
        model_of(layer_of("GRU", name="gru", kernel_regularizer=regularizer))
        for regularizer in (None, "l2")
    )
    heavy.set_weights(plain.get_weights())
    one, two = (gradient_flow(model, x, y, weights=True) for model in (plain, heavy))
    difference = next(iter(two.weights.values())) - next(iter(one.weights.values()))
    np.testing.assert_allclose(difference, 0.02 * plain.get_weights()[0], 1e-6)
    for share, same in zip(two.shares.values(), one.shares.values(), strict=True):
        np.testing.assert_allclose(share, same, 1e-9)


def test_frozen_weights_have_no_gradient():
    frozen, free = (
        layer_of("GRU", name="frozen", return_sequences=True),
        layer_of("GRU", name="free"),
    )
    model = model_of(frozen, free)
    frozen.trainable = False
    flow = gradient_flow(model, *data(), weights=True)
    assert list(flow) == ["frozen", "free"]
    assert all("frozen" not in name for name in (*flow.weights, *flow.shares))


def test_weights_of_one_path_are_numbered():
    def inner():
        layers = [keras.Input((None, 3)), layer_of("GRU", name="same")]
        return keras.Sequential(layers, name="inner")

    model = subclassed(lambda m, x: m.one(x) + 2 * m.two(x), one=inner(), two=inner())
    flow = gradient_flow(model, data()[0], np.ones((3, UNITS)), "mse", weights=True)
    kernels = [name for name in flow.shares if "/kernel" in name]
    assert kernels == [f"inner/same/gru_cell/kernel{number}" for number in ("", "_1")]
    assert list(flow.weights) == list(flow.shares)


def test_a_weight_without_gradient_has_no_shares():
    model = model_of(layer_of("GRU", name="gru"))
    model.layers[-1].set_weights([np.zeros((UNITS, 1)), np.zeros(1)])
    flow = gradient_flow(model, *data(), weights=True)
    assert all(np.isnan(share).all() for share in flow.shares.values())


def test_a_stateful_layer_has_the_same_shares_at_every_measurement():
    layer = layer_of("LSTM", stateful=True, name="memory")
    model = keras.Sequential([keras.Input(batch_shape=(3, 6, 3)), layer, keras.layers.Dense(1)])
    model.compile(loss="mse")
    x, y = data()
    model(2 * x)
    held = [state.numpy().copy() for state in layer.states]
    measure = GradientFlow(model, weights=True)
    flows = [measure(x, y) for _ in range(2)]
    for state, before in zip(layer.states, held, strict=True):
        np.testing.assert_array_equal(state, before)
    for name, share in flows[0].shares.items():
        np.testing.assert_array_equal(share, flows[1].shares[name])

    def loss(copies):
        output = stepped(layer, tf.constant(x), copies, start=[*map(tf.constant, held)])[-1]
        return tf.reduce_mean((model.layers[-1](output) - y) ** 2)

    by_hand = shares_by_hand(loss, layer.cell.trainable_variables, x)
    for v, (share, _) in zip(layer.cell.trainable_variables, by_hand, strict=True):
        np.testing.assert_allclose(flows[0].shares[v.path], share, 1e-8, 1e-10)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_shares_do_not_depend_on_the_size_of_the_gradient(size):
    keras.config.set_floatx("float32")
    model = model_of(layer_of("GRU", dtype="float32", name="gru"), dtype="float32")
    x, y = data(dtype="float32")
    usual, sized = (
        gradient_flow(model, x, y, lambda _, p, c=c: c * keras.ops.mean(p), weights=True)
        for c in (1.0, size)
    )
    for name, share in sized.shares.items():
        np.testing.assert_allclose(share, usual.shares[name], 1e-4, 1e-5)


def test_shares_in_float16_are_those_in_float32():
    keras.config.set_floatx("float32")
    x, y = data(dtype="float32")
    wide = model_of(layer_of("LSTM", dtype="float32", name="lstm"), dtype="float32")
    narrow = model_of(layer_of("LSTM", dtype="float16", name="lstm"), dtype="float16")
    narrow.set_weights(wide.get_weights())
    shares = [
        gradient_flow(m, x, y, lambda _, p: 1e-3 * keras.ops.mean(p), weights=True).shares
        for m in (wide, narrow)
    ]
    for share, narrowly in zip(*(found.values() for found in shares), strict=True):
        np.testing.assert_allclose(narrowly, share, atol=0.01)  # float16 has 3 digits
