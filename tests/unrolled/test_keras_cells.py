"""A layer of a Keras model, unrolled in NumPy, has the states and the gradient that Keras has."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unrolled import backpropagate_through_time, jacobians
from unrolled.gradient_flow import gradient_flow
from unrolled.keras_cells import unroll_layer
from unrolled.spectra import log_singular_values

L = keras.layers
LAYERS = {
    "tanh": lambda **options: L.SimpleRNN(3, **options),
    "relu": lambda **options: L.SimpleRNN(3, activation="relu", **options),
    "linear": lambda **options: L.SimpleRNN(3, activation="linear", use_bias=False, **options),
    "lstm": lambda **options: L.LSTM(3, **options),
    "gru": lambda **options: L.GRU(3, **options),
    "gru before": lambda **options: L.GRU(3, reset_after=False, **options),
    "no bias": lambda **options: L.GRU(3, use_bias=False, **options),
    "rnn": lambda **options: L.RNN(L.LSTMCell(3, use_bias=False), **options),
}


@pytest.fixture
def x():
    return np.float32(np.random.default_rng(0).normal(size=(4, 6, 2)))


def drawn(model):
    """The model with weights other than the initial ones, biases included."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) / 2 for w in model.get_weights()])
    return model


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("backwards", [False, True])
def test_states_are_those_of_keras(kind, backwards, x):
    layer = LAYERS[kind](return_sequences=True, go_backwards=backwards, name="rnn")
    model = drawn(keras.Sequential([keras.Input((6, 2)), layer]))
    cell, states, _ = unroll_layer(model, x, "rnn")
    close(states[..., : cell.units], model.predict(x, verbose=0))


@pytest.mark.parametrize("kind", ["tanh", "lstm", "gru"])
def test_the_gradient_of_a_layer_below_another_is_that_of_gradient_flow(kind, x):
    below = LAYERS[kind](return_sequences=True, name="below")
    model = drawn(keras.Sequential([keras.Input((6, 2)), below, L.GRU(2, name="top")]))
    flow = gradient_flow(model, x, np.ones((4, 2)), "mse")
    cell, _, cache = unroll_layer(model, x, "below")
    total = np.concatenate([flow[name] for name in flow if name.startswith("below")], axis=-1)
    through_time = np.einsum("btij,bti->btj", jacobians(cell, cache)[:, 1:], total[:, 1:])
    immediate = total - np.pad(through_time, [(0, 0), (0, 1), (0, 0)])
    # c of an LSTM gives nothing to the loss but through time, nor to the layer above.
    close(immediate[..., cell.units :], 0)
    close(backpropagate_through_time(cell, cache, immediate).states, total)


def test_a_layer_anywhere_in_a_model_is_found_by_the_name_of_its_gradient(x):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            inner = [L.Bidirectional(L.LSTM(3, return_sequences=True, name="lstm"), name="both")]
            self.inner = keras.Sequential(inner, name="inner")
            self.shared = L.SimpleRNN(6, return_sequences=True, name="shared")

        def call(self, x):
            return self.shared(self.shared(tf.sin(self.inner(x))))

    model = Own()
    model(x)
    drawn(model)
    both = model.inner.predict(x, verbose=0)
    close(unroll_layer(model, x, "both/forward_lstm").states[..., :3], both[..., :3])
    backward = unroll_layer(model, x, "both/backward_lstm").states[..., :3]
    close(backward[:, ::-1], both[..., 3:])
    close(unroll_layer(model, x, "shared#2").states, model.predict(x, verbose=0))
    once = unroll_layer(model, x, "shared").states
    assert np.abs(once - model.predict(x, verbose=0)).max() > 0.01


def test_it_starts_from_the_state_that_the_layer_has_and_leaves_it(x):
    layer = L.LSTM(3, stateful=True, name="lstm")
    model = drawn(keras.Sequential([keras.Input(batch_shape=(4, 6, 2)), layer]))
    model.predict(x, batch_size=4, verbose=0)
    held = [np.array(state) for state in layer.states]
    first, again = (unroll_layer(model, x, "lstm") for _ in range(2))
    close(first.cache.previous[:, 0], np.concatenate(held, axis=-1))
    np.testing.assert_array_equal(first.states, again.states)
    assert "inner_loop" not in vars(layer)
    close(first.states[:, -1, :3], model.predict(x, batch_size=4, verbose=0))


@pytest.mark.parametrize("backwards", [False, True])
def test_padding_after_the_last_step_read_is_skipped(backwards, x):
    layer = L.GRU(3, go_backwards=backwards, name="gru")
    model = drawn(keras.Sequential([keras.Input((6, 2)), L.Masking(), layer]))
    lengths = np.array([6, 1, 3, 4])
    padded = np.arange(6) >= lengths[:, None]
    x[padded[:, ::-1] if backwards else padded] = 0
    _, states, cache = unroll_layer(model, x, "gru")
    close(states[:, -1], model.predict(x, verbose=0))
    np.testing.assert_array_equal(cache.read.sum(axis=1), lengths)
    other = padded if backwards else padded[:, ::-1]
    x = np.where(other[..., None], 0, np.ones_like(x))
    with pytest.raises(ValueError, match="expected 'gru' to read steps 1 to n, n > 0, of each"):
        unroll_layer(model, x, "gru")


def test_gates_have_their_names_and_lie_between_their_bounds(x):
    model = keras.Sequential([keras.Input((6, 2)), L.LSTM(3, name="lstm")])
    drawn(model)
    layer = unroll_layer(model, x, "lstm")
    assert list(layer.gates) == ["input", "forget", "candidate", "output"]
    for name, gate in layer.gates.items():
        assert gate.shape == (4, 6, 3) and (name == "candidate" or gate.min() > 0 < 1 - gate.max())
    i, f, g, o = layer.gates.values()
    c = f * layer.cache.previous[..., 3:] + i * g
    close(layer.states, np.concatenate([o * np.tanh(c), c], axis=-1))
    gru = drawn(keras.Sequential([keras.Input((6, 2)), L.GRU(3, name="gru")]))
    layer = unroll_layer(gru, x, "gru")
    assert list(layer.gates) == ["update", "reset", "candidate"]
    z, _, g = layer.gates.values()
    close(layer.states, z * layer.cache.previous + (1 - z) * g)
    rnn = keras.Sequential([keras.Input((6, 2)), L.SimpleRNN(3, name="rnn")])
    assert unroll_layer(rnn, x, "rnn").gates == {}


def test_the_gradient_lies_between_the_singular_values_of_the_product_of_jacobians(x):
    model = drawn(keras.Sequential([keras.Input((6, 2)), L.SimpleRNN(3, name="rnn")]))
    flow = gradient_flow(model, x, np.ones((4, 3)), "mse")["rnn"][0]
    cell, _, cache = unroll_layer(model, x, "rnn")
    logs = log_singular_values(jacobians(cell, cache)[0, :0:-1].swapaxes(1, 2))
    norms = np.linalg.norm(flow, axis=-1)[::-1]
    ratios = np.log(norms[1:] / norms[0])
    assert np.all(logs[:, -1] - 1e-5 <= ratios) and np.all(ratios <= logs[:, 0] + 1e-5)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (L.LSTM(2, activation="relu", name="rnn"), "'rnn' with LSTMCell and relu, sigmoid"),
        (L.SimpleRNN(2, activation="sigmoid", name="rnn"), "with SimpleRNNCell and sigmoid"),
        (L.RNN([L.GRUCell(2), L.GRUCell(2)], name="rnn"), "with StackedRNNCells and none"),
    ],
)
def test_another_cell_is_refused_with_what_is_supported(layer, words, x):
    model = keras.Sequential([keras.Input((6, 2)), layer])
    with pytest.raises(ValueError, match=f"expected a SimpleRNN with tanh.* got .*{words}"):
        unroll_layer(model, x, "rnn")


def test_a_name_that_is_not_there_or_not_called_is_refused(x):
    model = keras.Sequential([keras.Input((6, 2)), L.GRU(2, name="gru")])
    with pytest.raises(ValueError, match=r"one of the recurrent layers \['gru'\], got 'lstm'"):
        unroll_layer(model, x, "lstm")
    with pytest.raises(ValueError, match="expected 'gru#2' to be called, got 1 calls of 'gru'"):
        unroll_layer(model, x, "gru#2")
    with pytest.raises(ValueError, match="expected the name of a layer, such as 'gru', got <GRU"):
        unroll_layer(model, x, model.get_layer("gru"))


def test_a_layer_within_a_graph_is_refused(x):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn = L.SimpleRNN(2, name="rnn")

        @tf.function
        def call(self, x):
            return self.rnn(x)

    model = Own()
    model(x)
    with pytest.raises(ValueError, match="expected 'rnn' to be called, got 0 calls of 'rnn'"):
        unroll_layer(model, x, "rnn")
    with pytest.raises(ValueError, match="expected 'rnn' to run by itself, not within a function"):
        unroll_layer(model, x[:2], "rnn")
    assert "inner_loop" not in vars(model.rnn)


def test_a_layer_within_time_distributed_is_refused():
    inner = keras.layers.TimeDistributed(keras.layers.LSTM(3, name="inner"), name="slices")
    model = keras.Sequential([keras.Input((2, 6, 3)), inner])
    with pytest.raises(ValueError, match="'inner' within the TimeDistributed 'slices'"):
        unroll_layer(model, np.ones((4, 2, 6, 3)), "inner")


def test_a_layer_may_be_named_by_any_key_of_the_result():
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(3, name="lstm")])
    x = np.ones((4, 6, 3))
    assert np.array_equal(*(unroll_layer(model, x, key).states for key in ("lstm", "lstm/c")))
    with pytest.raises(ValueError, match="expected one of the recurrent layers"):
        unroll_layer(model, x, "lstm#x")
