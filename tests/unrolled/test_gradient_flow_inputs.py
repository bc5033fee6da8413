"""Data and models are taken as `fit` takes them, and refused with a reason."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import EXACT, UNITS, data, layer_of, model_of, refused, set_precision

from unrolled.gradient_flow import GradientFlow, build, gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


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


def test_a_model_without_recurrent_layer_is_refused():
    refused("expected a recurrent layer in the model, got none", model_of())


def test_a_model_that_is_not_built_is_refused():
    message = "expected a built model, got 'fresh', which is not: start it with a keras.Input, or"
    refused(message, keras.Sequential([layer_of("GRU")], name="fresh"))


def test_something_that_is_no_model_is_refused():
    message = "expected an instance of keras.Model, got "
    refused(message + r"an instance of keras\..*\.GRU", layer_of("GRU"))
    refused(message + "the class keras", keras.Sequential)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    refused("expected the TensorFlow backend, got 'jax'", model_of(layer_of("GRU")))


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
    assert caught.value.__notes__ == [f"gradient_flow called the model with x: {shape}"]


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
    refused('Missing data for input "code"', model, {"seq": x, "text": code}, y, "mse")


@pytest.mark.parametrize("shape", [(1, 1), (4, 1), ()], ids=str)
def test_a_wrong_number_of_targets_is_refused(shape):
    x, _ = data()
    message = "expected y with one entry for each of the 3 sequences of x, got shape"
    refused(message, model_of(layer_of("GRU")), x, np.zeros(shape))


def test_for_a_ragged_tensor_padding_and_a_mask_are_asked_for():
    x = tf.ragged.constant([[1.0], [1.0, 2.0]])
    refused("got RaggedTensor: pad and mask it", model_of(layer_of("GRU")), x, np.ones((2, 1)))


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


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_backend_that_is_not_installed_is_named(backend):
    program = f"import sys; sys.modules[{backend!r}] = None; import unrolled.gradient_flow"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: expected the TensorFlow backend of Keras, but KERAS_BACKEND or "
        f"~/.keras/keras.json names one that needs {backend!r}, which is not installed: set "
        "KERAS_BACKEND=tensorflow"
    )


def test_a_model_that_only_holds_others_is_refused_and_they_are_named():
    class Pair(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = model_of(layer_of("GRU", return_sequences=True))
            self.critic = model_of(layer_of("GRU"))

    pair = Pair()
    pair.compile(run_eagerly=True)
    for act in (lambda: GradientFlow(pair), lambda: build(pair, data()[0])):
        with pytest.raises(
            ValueError, match=r"with a `call`.*: measure one of the models"
        ) as caught:
            act()
        for inner in (pair.generator, pair.critic):
            assert repr(inner.name) in str(caught.value)


@pytest.mark.parametrize("shape", [(3, 6), (3, 6, 2), (3, 6, 3, 2), (3, 0, 3), (0, 6, 3)], ids=str)
def test_inputs_of_wrong_shape_are_refused(shape):
    message = r"expected x of shape \[\(None, None, 3\)\] with no empty axis, got \[\("
    refused(message, model_of(layer_of("GRU")), np.zeros(shape), np.zeros((shape[0], 1)))


def test_a_wrong_number_of_inputs_is_refused():
    x, y = data()
    refused("expected x of shape", model_of(layer_of("GRU")), [x, x], y)


def test_an_axis_is_added_or_taken_away_where_fit_does_so():
    model = model_of(layer_of("GRU", name="gru"), features=1)
    x, y = data(features=1)
    expected = gradient_flow(model, x, y)["gru"]
    for other in (x[..., 0], x[..., 0].tolist(), x[..., None]):
        model.evaluate(np.array(other), y, verbose=0)
        np.testing.assert_array_equal(gradient_flow(model, other, y)["gru"], expected)


@pytest.mark.parametrize("graph", [False, True])
def test_optional_inputs_may_be_none(graph):
    x, _ = data()
    sequence = keras.Input((None, 3), name="sequence")
    start = keras.Input((UNITS,), name="start", optional=True)

    class First(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layer_of("GRU", name="gru")

        def build(self, x_shape, start_shape=None):
            self.inner.build(x_shape)

        def call(self, x, start=None):
            return self.inner(x, initial_state=None if start is None else [start])

        def compute_output_shape(self, x_shape, start_shape=None):
            return x_shape[0], UNITS

    model = keras.Model([sequence, start], First()(sequence, start))
    model.compile(loss="mse", run_eagerly=not graph)
    h, y = np.zeros((3, UNITS)), np.ones((3, UNITS))
    expected = gradient_flow(model, [x, h], y)["gru"]
    for given in ([x, None], {"sequence": x, "start": None}):
        np.testing.assert_array_equal(gradient_flow(model, given, y)["gru"], expected)
    assert not np.allclose(gradient_flow(model, [x, h + 1], y)["gru"], expected)


# Datasets


class Batches(keras.utils.PyDataset):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return tuple(part * (1 - index) for part in self.batch)


def dataset(*batch):
    first = tf.data.Dataset.from_tensor_slices(batch).batch(3)
    return first.concatenate(first.map(lambda *parts: tuple(0 * part for part in parts)))


@pytest.mark.parametrize("kind", [dataset, Batches])
@pytest.mark.parametrize("parts", [2, 3])
def test_of_a_dataset_the_first_batch_is_measured(kind, parts):
    model = model_of(layer_of("GRU", name="gru"))
    batch = (*data(), np.array([1.0, 0.0, 2.0]))[:parts]
    weights = {"sample_weight": batch[2]} if parts == 3 else {}
    expected = gradient_flow(model, *batch[:2], **weights)
    flow = gradient_flow(model, kind(*batch))
    np.testing.assert_array_equal(flow["gru"], expected["gru"])
    assert flow.loss == expected.loss


def test_a_dataset_of_inputs_alone_goes_with_a_loss_that_needs_no_more():
    layers = layer_of("GRU", name="gru"), keras.layers.ActivityRegularization(l2=0.5)
    model = keras.Sequential([keras.Input((None, 3)), *layers])
    model.compile(run_eagerly=True)
    x, _ = data()
    expected = gradient_flow(model, x)["gru"]
    assert expected.any()
    for given in (tf.data.Dataset.from_tensors((x,)), tf.data.Dataset.from_tensors(x)):
        np.testing.assert_array_equal(gradient_flow(model, given)["gru"], expected)


def test_inputs_by_name_may_come_from_a_dataset():
    x, y = data(targets=(3, UNITS))
    inputs = [keras.Input((None, 3), name=name) for name in ("b", "a")]
    h = layer_of("GRU", name="gru")(inputs[0] + 2 * inputs[1])
    model = keras.Model(inputs, h)
    model.compile(loss="mse", run_eagerly=True)
    expected = gradient_flow(model, [x, -x], y)["gru"]
    given = tf.data.Dataset.from_tensors(({"b": x, "a": -x}, y))
    np.testing.assert_array_equal(gradient_flow(model, given)["gru"], expected)


def test_the_targets_of_a_dataset_are_its_own():
    x, y = data()
    message = "expected y and sample_weight within the _BatchDataset, got them apart"
    model = model_of(layer_of("GRU"))
    refused(message, model, tf.data.Dataset.from_tensor_slices((x, y)).batch(3), y)
    refused(
        "expected a batch in the _BatchDataset, got none", model, dataset(x, y).take(0).batch(1)
    )


@pytest.mark.parametrize("x", [iter([1.0]), (batch for batch in [1.0])], ids=type)
def test_an_iterator_is_not_consumed(x):
    message = f"got {type(x).__name__}, which would lose a batch: take one from it with"
    refused(message, model_of(layer_of("GRU")), x, np.ones((3, 1)))
    assert next(x) == 1.0


def test_what_is_no_array_is_refused_by_name():
    for x in (None, {1.0}):
        message = "expected x as arrays of one batch, got set|expected x of shape"
        refused(message, model_of(layer_of("GRU")), x, np.ones((3, 1)))


def test_numbers_too_large_for_the_type_are_refused_as_such():
    set_precision("float32", "float32")
    x, y = data(dtype="float64")
    model = model_of(layer_of("GRU", "float32"), dtype="float32")
    for place, arrays in (("x", (1e39 * x, y)), ("y", (x, 1e39 + y))):
        refused(f"expected values in {place} that are not too large for float32", model, *arrays)


def test_text_goes_to_a_model_of_ones_own_that_reads_it():
    words = keras.layers.TextVectorization(vocabulary=["deep", "cat"], output_sequence_length=4)
    embedding, layer = keras.layers.Embedding(4, 3), keras.layers.GRU(2, name="gru")

    class Reading(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.embedding, self.layer = words, embedding, layer

        def call(self, text):
            return self.layer(self.embedding(self.words(text)))

    text, model = np.array([["deep cat"], ["a cat"]]), Reading()
    model(tf.constant(text))
    for given in (text, text.astype(object), text.tolist()):
        flow = gradient_flow(model, given, np.ones((2, 2)), "mse")
        assert flow["gru"].shape == (2, 4, 2) and flow["gru"].all()


@pytest.mark.parametrize("kind", [np.ndarray.tolist, np.asarray, dataset])
def test_a_model_is_built_for_data_like_these_by_a_call_without_numbers(kind):
    x, y = data()
    calls = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            calls.append(tf.is_tensor(x) and tf.executing_eagerly())
            return x

    model = keras.Sequential([Counting(), layer_of("GRU", name="gru"), keras.layers.Dense(1)])
    build(model, kind(x, y) if kind is dataset else kind(x))
    assert model.built and not any(calls)
    assert model.get_layer("gru").cell.kernel.shape == (3, 3 * UNITS)
    model.run_eagerly = True
    assert gradient_flow(model, x, y, "mse")["gru"].shape == (3, 6, UNITS)


def test_an_array_of_sequences_of_different_lengths_is_refused():
    ragged = np.empty(2, object)
    ragged[:] = [np.ones((4, 3)), np.ones((6, 3))]
    model = model_of(layer_of("GRU", name="gru"))
    with pytest.raises(ValueError, match="sequences of one length, padded and masked"):
        gradient_flow(model, ragged, np.ones((2, 1)))
