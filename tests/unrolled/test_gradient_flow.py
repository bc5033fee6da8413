"""The measured gradient of every state, against automatic and numeric differentiation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unrolled import SimpleRNNCell, backpropagate_through_time, gradient_check, unroll
from unrolled.gradient_flow import gradient_flow

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


def model_of(*layers, dtype="float64", features=3, outputs=1, seed=0):
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense(outputs, activation="sigmoid", dtype=dtype)
    model = keras.Sequential([keras.Input((None, features), dtype=dtype), *layers, dense])
    model.compile("adam", loss=keras.losses.BinaryCrossentropy(dtype=dtype))
    return model


def data(batch=3, time=6, features=3, dtype="float64", targets=None):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, time, features)).astype(dtype)
    return x, rng.integers(0, 2, targets or (batch, 1)).astype(dtype)


def run(layer, sequence, states, tape, mask=None):
    """Apply the layer's cell step by step in a plain loop; return every state h_t."""
    h = []
    for t in range(sequence.shape[1]):
        _, new = layer.cell(sequence[:, t], states)
        keep = np.ones((len(sequence), 1), bool) if mask is None else mask[:, t, None]
        states = [tf.where(keep, s, previous) for s, previous in zip(new, states, strict=True)]
        tape.watch(states[0])
        h.append(states[0])
    return h, states


def expected_flow(layers, dense, x, y, mask=None, loss=keras.losses.binary_crossentropy):
    """dL/dh_t of stacked layers by automatic differentiation, loss averaged over all else."""
    states = {}
    with tf.GradientTape() as tape:
        sequence = tf.constant(x)
        for layer in layers:
            h, last = run(layer, sequence, layer.get_initial_state(len(x)), tape, mask)
            states[layer.name] = h
            sequence = tf.stack(h, axis=1)
            if mask is not None:  # Keras emits zeros, not the first state, until a step is read
                sequence *= np.logical_or.accumulate(mask, axis=1)[..., None]
        value = tf.reduce_mean(loss(y, dense(sequence if layer.return_sequences else last[0])))
    gradients = tape.gradient(value, states)
    return {name: np.stack(by_step, axis=1) for name, by_step in gradients.items()}


def assert_equal_flow(flow, expected, dtype="float64"):
    assert list(flow) == list(expected)
    for name, gradient in flow.items():
        assert gradient.shape == expected[name].shape
        assert gradient.dtype == dtype
        assert gradient.any()
        for t in range(gradient.shape[1]):
            size = np.abs(expected[name][:, t]).max()
            error = np.abs(gradient[:, t] - expected[name][:, t]).max()
            assert error <= EXACT[dtype] * size, (name, t)


# Exact


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 6), (3, 1), (3, 6)])
def test_flow_of_one_layer_is_exact(kind, return_sequences, dtype, batch, time):
    layer = layer_of(kind, dtype, return_sequences=return_sequences)
    model = model_of(layer, dtype=dtype)
    x, y = data(batch, time, dtype=dtype, targets=(batch, time, 1) if return_sequences else None)
    expected = expected_flow([layer], model.layers[-1], x, y)
    assert_equal_flow(gradient_flow(model, x, y), expected, dtype)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flow_of_stacked_layers_is_exact(return_sequences, dtype):
    kinds = list(LAYERS)
    layers = [
        layer_of(kind, dtype, units, return_sequences=return_sequences or kind != kinds[-1])
        for units, kind in enumerate(kinds, start=1)
    ]
    model = model_of(*layers, dtype=dtype)
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
        value = loss(y, dense(tf.stack(second, axis=1)))
    gradients = tape.gradient(value, {"encoder": first, "decoder": second})
    expected = {name: np.stack(h, axis=1) for name, h in gradients.items()}
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
    layer = layer_of("SimpleRNN")
    model = model_of(layer, keras.layers.ActivityRegularization(l2=0.5))
    x, y = data()
    plain = gradient_flow(model, x, y, "binary_crossentropy")
    states = layer(x).numpy()
    last = (gradient_flow(model, x, y)[layer.name] - plain[layer.name])[:, -1]
    np.testing.assert_allclose(last, 2 * 0.5 * states / len(x), 1e-12)


# Masks


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_masked_step_carries_the_state_and_its_gradient_on(kind, return_sequences):
    layers = [layer_of(kind, return_sequences=True), layer_of(kind, return_sequences=True)]
    layers[-1].return_sequences = return_sequences
    model = model_of(keras.layers.Masking(dtype="float64"), *layers)
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
        model.run_eagerly = True  # saves the time that compiling takes
        for _ in range(2):
            if measure:
                gradient_flow(model, x, y)
            model.fit(x, y, epochs=1, verbose=0)
        return model.get_weights()

    for measured, plain in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(measured, plain)


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
    refused("expected a built model", keras.Sequential([layer_of("GRU")]))


def test_something_that_is_no_model_is_refused():
    refused("expected a Keras model, got GRU", layer_of("GRU"))


def test_a_model_with_neither_loss_nor_argument_is_refused():
    model = keras.Sequential([keras.Input((None, 3)), layer_of("GRU")])
    refused("expected a compiled model or a loss, got neither", model)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    refused("expected the TensorFlow backend, got 'jax'", model_of(layer_of("GRU")))


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (
            lambda: keras.layers.Bidirectional(layer_of("GRU"), name="both"),
            "'both' of type Bidirectional",
        ),
        (
            lambda: keras.layers.RNN(keras.layers.GRUCell(2), name="bare"),
            "'bare' of type RNN",
        ),
        (
            lambda: keras.layers.RNN([keras.layers.GRUCell(2)] * 2, name="pile"),
            "'pile' of type RNN",
        ),
        (lambda: type("MyGRU", (keras.layers.GRU,), {})(2, name="mine"), "'mine' of type MyGRU"),
    ],
)
def test_a_recurrent_layer_of_another_type_is_refused_by_name(layer, named):
    model = model_of(layer_of("GRU", return_sequences=True), layer())
    refused(f"expected recurrent layers of type SimpleRNN, LSTM or GRU, got {named}", model)


def test_a_stateful_layer_is_refused():
    model = keras.Sequential(
        [keras.Input(batch_shape=(3, 6, 3)), layer_of("GRU", stateful=True, name="memory")]
    )
    refused("expected layers that are not stateful, got 'memory'", model, *data(), "mse")


def test_a_layer_that_is_called_twice_is_refused():
    layer = layer_of("GRU", name="twice", units=3, return_sequences=True)
    x = keras.Input((None, 3))
    model = keras.Model(x, layer(layer(x)))
    refused("expected one call of one layer named 'twice', got two", model, *data(), "mse")
    assert "inner_loop" not in vars(layer)


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


@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 2), (3, 6, 3, 1), (3, 0, 3), (0, 6, 3)], ids=str)
def test_inputs_of_wrong_shape_are_refused(shape):
    message = r"expected x of shape \[\(None, None, 3\)\] with no empty axis, got \[\("
    refused(message, model_of(layer_of("GRU")), np.zeros(shape), np.zeros((shape[0], 1)))


def test_a_wrong_number_of_inputs_is_refused():
    x, y = data()
    refused("expected x of shape", model_of(layer_of("GRU")), [x, x], y)


@pytest.mark.parametrize("shape", [(1, 1), (4, 1), ()], ids=str)
def test_a_wrong_number_of_targets_is_refused(shape):
    x, _ = data()
    message = "expected y with one target for each of the 3 sequences of x, got shape"
    refused(message, model_of(layer_of("GRU")), x, np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["x", "y"])
def test_values_that_are_not_finite_are_refused(place, value):
    x, y = data()
    (x if place == "x" else y).flat[0] = value
    refused(f"expected finite values in {place}, got NaN", model_of(layer_of("GRU")), x, y)
