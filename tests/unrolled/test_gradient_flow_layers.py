"""Which layers are measured, under which names, and which are left out."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import UNITS, data, layer_of, model_of, refused, subclassed

from unrolled.gradient_flow import GradientFlow, gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


def model_of_parts(*parts):
    """All parts on one input."""
    x = keras.Input((None, 3), dtype="float64")
    model = keras.Model(x, keras.layers.Concatenate(dtype="float64")([part(x) for part in parts]))
    model.compile(loss="mse")
    return model


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


def test_layers_of_one_name_are_numbered():
    twins = [layer_of("GRU", name="same") for _ in range(2)]
    model = subclassed(lambda m, x: m.first(x) - 2 * m.second(x), first=twins[0], second=twins[1])
    flow = gradient_flow(model, data()[0], np.ones((3, UNITS)), "mse")
    assert list(flow) == ["same", "same_1"]
    np.testing.assert_allclose(flow["same_1"][:, -1], -2 * flow["same"][:, -1], 1e-12)


# Layers within TimeDistributed


def hierarchical(length=None, graph=False):
    """Words, each with a padding of zeros, to sentences, to a text."""
    keras.utils.set_random_seed(0)
    words = keras.Input((length,), dtype="int32")
    h = keras.layers.Embedding(9, 3, mask_zero=True)(words)
    h = keras.layers.Bidirectional(keras.layers.GRU(2, return_sequences=True), name="words")(h)
    score = keras.ops.softmax(keras.layers.Dense(1)(h), axis=1)
    sentence = keras.Model(words, keras.ops.sum(h * score, axis=1), name="sentence")
    text = keras.Input((None, length), dtype="int32")
    h = keras.layers.TimeDistributed(sentence)(text)
    h = keras.layers.LSTM(3, name="sentences")(h)
    model = keras.Model(text, keras.layers.Dense(1)(h))
    model.compile(loss="mse", run_eagerly=not graph)
    return model, sentence


@pytest.mark.parametrize("graph", [False, True])
def test_layers_within_time_distributed_are_measured_slice_by_slice(graph):
    """Hierarchical attention, against the same model with its parts called one after the other."""
    model, sentence = hierarchical(graph=graph)
    x = np.random.default_rng(0).integers(1, 9, (2, 4, 5))
    x[0, 1, 3:] = x[1, 2, :2] = x[1, 3, 2:] = 0
    y = np.ones((2, 1))
    vectors = keras.ops.reshape(sentence(x.reshape(8, 5)), (2, 4, 4))
    top = keras.Sequential([keras.Input((4, 4)), *model.layers[2:]])
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        value = tf.reduce_mean((top(vectors) - y) ** 2)
    received = tf.reshape(tape.gradient(value, vectors), (8, 4))

    sentence.run_eagerly = True
    apart = sentence, x.reshape(8, 5), np.zeros((8, 4))
    alone = gradient_flow(*apart, lambda _, vector: tf.reduce_sum(received * vector))
    flow = gradient_flow(model, x, y)
    assert [name for name in flow if name in alone] == list(alone)
    for name, gradient in alone.items():
        assert flow[name].shape == (8, 5, 2)
        np.testing.assert_allclose(flow[name], gradient, 1e-9, 1e-15)
    last = gradient_flow(top, vectors, y, "mse")["sentences"]
    np.testing.assert_allclose(flow["sentences"], last, 1e-9)


@pytest.mark.parametrize("slices", [None, 4])
def test_a_time_distributed_layer_predicts_the_same_while_it_is_measured(slices):
    """Also with a mask of words from outside, and with normalization within."""
    inner = keras.Sequential(
        [keras.Input((None, 3)), layer_of("LSTM"), keras.layers.BatchNormalization()]
    )
    words = keras.Input((slices, None, 3))
    mask = keras.ops.any(keras.ops.not_equal(words, 0), axis=-1)
    outer = keras.layers.TimeDistributed(inner)
    both = keras.layers.TimeDistributed(layer_of("GRU", return_sequences=True))
    model = keras.Model(words, [outer(words, mask=mask), both(words, mask=mask)])
    model.run_eagerly = True
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    x[0, 1, 3:] = x[1, 2, :2] = 0
    seen = []

    def loss(_, prediction):
        seen.append(prediction.numpy())
        return tf.reduce_mean(prediction**2)

    expected = model(x)
    flow = gradient_flow(model, x, [p * 0 for p in expected], loss)
    assert {gradient.shape for gradient in flow.values()} == {(8, 5, UNITS)}
    for before, during in zip(expected, seen, strict=True):
        np.testing.assert_allclose(during, before, 1e-12)


def test_a_time_distributed_layer_that_holds_no_loop_is_left_alone():
    class Counting(keras.layers.Dense):
        calls = 0

        def call(self, x, training=None):
            Counting.calls += 1
            return super().call(x)

    dense = keras.layers.TimeDistributed(Counting(2))
    model = model_of(dense, layer_of("GRU"))
    before = Counting.calls
    gradient_flow(model, *data(time=6))
    assert Counting.calls == before + 6


# Layers that are left out


def left_out(words, model, *arguments):
    with pytest.warns(UserWarning, match=words):
        return gradient_flow(model, *arguments)


class Skipping(keras.layers.GRU):
    def inner_loop(self, sequences, initial_state, mask, training=False):
        return super().inner_loop(sequences[:, ::2], initial_state, mask, training)


class Looping(keras.layers.GRU):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return self.cell(sequences[:, 0], [keras.ops.zeros((3, self.units))])[0]


class Compiled(keras.layers.Layer):
    def __init__(self, name):
        super().__init__()
        self.inner = layer_of("GRU", name=name)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return tf.function(self.inner, autograph=False)(x)


class Mapped(Compiled):
    """Runs its layer on each sequence by itself."""

    def call(self, x):
        return tf.map_fn(lambda one: self.inner(one[None])[0], x)


class Uncalled(keras.layers.Layer):
    def __init__(self, name):
        super().__init__()
        self.inner = layer_of("GRU", name=name)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return x[:, 0]


UNMEASURABLE = {
    "has a loop of its own in place of that of Keras": lambda: Skipping(UNITS, name="odd"),
    "is not called, or loops in a `call`": lambda: Looping(UNITS, name="odd"),
    "is not called, or loops in": lambda: Uncalled("odd"),
    "runs within another loop, or within a function": lambda: Compiled("odd"),
    "runs within another loop, or within a function ": lambda: Mapped("odd"),
}


@pytest.mark.parametrize("reason", UNMEASURABLE)
def test_what_cannot_be_measured_is_left_out_with_its_name_and_the_reason(reason):
    odd, plain = UNMEASURABLE[reason](), layer_of("GRU", name="plain")
    model = model_of_parts(odd, plain)
    x, _ = data()
    y = np.ones(model(x).shape)
    flow = left_out(f"leaves out 'odd', which {reason.strip()}", model, x, y)
    assert list(flow) == ["plain"]
    last = 2 * (plain(x) - 1) / y.size
    np.testing.assert_allclose(flow["plain"][:, -1], last, 1e-10)
    alone = model_of(UNMEASURABLE[reason](), graph=True)
    refused(f"can be measured, got 'odd', which {reason.strip()}", alone)
    assert list(gradient_flow(model, x, y, layers=["plain"])) == ["plain"]
    with pytest.raises(ValueError, match=f"can be measured, got 'odd', which {reason.strip()}"):
        gradient_flow(model, x, y, layers=["plain", "odd"])


def test_a_layer_in_a_function_that_was_traced_before_is_left_out():
    class Traced(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layer_of("GRU", name="mine")

        @tf.function
        def call(self, x):
            return self.inner(x)

    model = Traced()
    model(data()[0])
    model.run_eagerly = True
    refused("got 'mine', which is not called, or loops in .* a tf.function", model, *data(), "mse")


def test_a_layer_within_a_cell_is_left_out():
    class Deep(keras.layers.Layer):
        state_size = output_size = 3

        def __init__(self):
            super().__init__()
            self.inner = layer_of("GRU", units=3, name="inner")

        def build(self, shape):
            self.inner.build((None, 2, 3))

        def call(self, x, states):
            h = states[0] + self.inner(tf.stack([x, states[0]], axis=1))
            return h, [h]

    for graph in (False, True):
        model = model_of(keras.layers.RNN(Deep(), name="outer"), graph=graph)
        flow = left_out("'inner', which runs within another loop", model, *data())
        assert list(flow) == ["outer"]


def test_a_stateful_layer_that_goes_from_slice_to_slice_is_left_out():
    inner = layer_of("GRU", stateful=True, name="inner")
    words = keras.Input(batch_shape=(2, 3, 4, 3))
    h = keras.layers.TimeDistributed(inner, name="outer")(words)
    model = keras.Model(words, layer_of("GRU", name="top")(h))
    model.run_eagerly = True
    x = np.ones((2, 3, 4, 3))
    words = "'inner', which carries its state from slice to slice of 'outer'"
    assert list(left_out(words, model, x, np.ones((2, UNITS)), "mse")) == ["top"]


def test_a_layer_that_the_model_calls_but_does_not_hold_is_measured():
    hidden, plain = layer_of("GRU", name="plain"), layer_of("GRU", name="plain")
    model = model_of_parts(keras.layers.Lambda(lambda x: hidden(x)), plain)
    x, _ = data()
    y = np.ones(model(x).shape)
    flow = gradient_flow(model, x, y)
    assert sorted(flow) == ["plain", "plain_1"]
    for name, layer in (("plain", plain), ("plain_1", hidden)):
        last = 2 * (layer(x) - 1) / y.size
        np.testing.assert_allclose(flow[name][:, -1], last, 1e-10)
    assert list(gradient_flow(model, x, y, layers="plain")) == ["plain"]


def in_a_loop_of_its_own(model, x):
    states = [keras.ops.zeros((3, UNITS))]
    for t in range(x.shape[1]):
        h, states = model.cell(x[:, t], states)
    return h + model.whole(x) if hasattr(model, "whole") else h


def test_a_bare_cell_is_named_and_wrapping_it_proposed():
    words = "'bare', which is called outside of a recurrent layer: wrap it in keras.layers.RNN"
    cell = keras.layers.GRUCell(UNITS, name="bare")
    refused(words, subclassed(in_a_loop_of_its_own, cell=cell), data()[0], np.ones((3, 4)), "mse")
    model = subclassed(in_a_loop_of_its_own, cell=cell, whole=layer_of("GRU", name="whole"))
    assert list(left_out(words, model, data()[0], np.ones((3, 4)), "mse")) == ["whole"]


def test_a_cell_of_a_recurrent_layer_may_be_called_elsewhere():
    cell = keras.layers.GRUCell(UNITS)
    layer = keras.layers.RNN(cell, name="whole")
    model = subclassed(in_a_loop_of_its_own, cell=cell, whole=layer)
    assert list(gradient_flow(model, data()[0], np.ones((3, 4)), "mse")) == ["whole"]


# Layers that are asked for


def test_only_the_layers_that_are_asked_for_are_measured():
    both = keras.layers.Bidirectional(
        layer_of("LSTM", return_sequences=True, name="one"), name="both"
    )
    inner = keras.Sequential([keras.Input((None, 8)), layer_of("GRU", name="last")], name="inner")
    model = model_of(both, inner)
    x, y = data()
    everything = gradient_flow(model, x, y)
    halves = {way: [f"both/{way}_one", f"both/{way}_one/c"] for way in ("forward", "backward")}
    for asked, names in (
        (["both"], halves["forward"] + halves["backward"]),
        (["both/backward_one"], halves["backward"]),
        (["inner", "both/forward_one"], ["last", *halves["forward"]]),
        (("last",), ["last"]),
        ("last", ["last"]),
    ):
        flow = gradient_flow(model, x, y, layers=asked)
        assert sorted(flow) == sorted(names)
        for name, gradient in flow.items():
            np.testing.assert_allclose(gradient, everything[name], 1e-12)


def test_a_layer_that_is_not_there_cannot_be_asked_for():
    model = model_of(layer_of("GRU", name="gru"))
    with pytest.raises(ValueError, match=r"expected layers among \['gru'\], got 'lstm'"):
        gradient_flow(model, *data(), layers=["gru", "lstm"])


def test_states_that_are_read_last_input_first_are_named():
    both = keras.layers.Bidirectional(
        layer_of("LSTM", return_sequences=True, name="one"), name="both"
    )
    model = model_of(both, layer_of("GRU", go_backwards=True, name="back"))
    flow = gradient_flow(model, *data())
    assert flow.backward == {"both/backward_one", "both/backward_one/c", "back"}


def test_a_layer_may_be_asked_for_by_any_key_of_the_result():
    model, (x, y) = model_of(layer_of("LSTM", name="lstm")), data()
    assert list(gradient_flow(model, x, y, layers=["lstm/c"])) == ["lstm", "lstm/c"]


def test_to_ask_for_no_layer_is_refused():
    model = model_of(layer_of("LSTM", name="lstm"))
    with pytest.raises(ValueError, match="expected a name in layers"):
        gradient_flow(model, *data(), layers=[])


@pytest.mark.parametrize("asked", [lambda layer: [layer], lambda layer: layer, lambda layer: 3])
def test_what_is_no_name_of_a_layer_is_refused(asked):
    model = model_of(layer_of("LSTM", name="lstm"))
    wrong = asked(model.get_layer("lstm"))
    with pytest.raises(ValueError, match="expected the name of a layer, such as 'lstm', got"):
        gradient_flow(model, *data(), layers=wrong)


def test_what_is_no_name_is_refused_where_there_are_no_recurrent_layers():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="expected the name of a layer, such as 'lstm', got 3"):
        gradient_flow(model, np.ones((2, 6)), np.ones((2, 1)), loss="mse", layers=3)


def test_a_measurement_within_a_function_is_refused():
    measure, (x, y) = GradientFlow(model_of(layer_of("GRU", name="gru"))), data()
    with pytest.raises(ValueError, match=r"outside of a tf\.function"):
        tf.function(lambda: measure(x, y).loss, autograph=False)()
