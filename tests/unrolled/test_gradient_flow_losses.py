"""The loss that is differentiated is the one that `fit` minimises."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import UNITS, data, expected_flow, layer_of, model_of, refused

from unrolled.gradient_flow import gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


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


def test_a_model_with_neither_loss_nor_argument_is_refused():
    model = keras.Sequential([keras.Input((None, 3)), layer_of("GRU")])
    refused("expected a compiled model or a loss, got neither", model)


def test_where_the_compiled_model_has_no_loss_one_is_asked_for():
    model = keras.Sequential([keras.Input((None, 3)), layer_of("GRU")])
    model.compile("sgd", run_eagerly=True)  # as for a train_step of one's own
    refused("expected a loss, got none from compile or add_loss: give it as loss= to", model)


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
    message = (
        r"expected y of shape \(3, 2\), as mean_squared_error takes it with an output of that shape"
    )
    refused(message, model_of_outputs(outputs), x, targets(p=y, q=y), loss)


def test_targets_for_other_outputs_are_refused():
    x, y = data()
    with pytest.raises(ValueError, match=r"expected y for the output of shape \(3, 1\)") as caught:
        gradient_flow(model_of_outputs(dict), x, {"p": y, "r": y}, "mse")
    assert "y {'p': (3, 1), 'r': (3, 1)}" in caught.value.__notes__[-1]


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
    message = r"expected y for the output of shape \(3, 1\), got None"
    refused(message, model, x, targets(p=None, q=np.hstack([y, -y])))


def test_targets_by_name_for_the_only_output_are_refused():
    x, y = data()
    refused(
        r"expected y for the output of shape \(3, 1\), got 'o'",
        model_of(layer_of("GRU")),
        x,
        {"o": y},
    )


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
    message = r"target.shape=\(3, 5\), output.shape=\(3, 5\)"
    loss = "sparse_categorical_crossentropy"
    refused(message, model, data()[0], np.zeros((3, 5), int), loss)


def test_a_loss_of_ones_own_may_take_any_targets():
    model = model_of(layer_of("GRU", name="gru"))
    x, _ = data()
    flow = gradient_flow(model, x, np.ones((3, 7)), lambda y, p: tf.reduce_mean((y - p) ** 2))
    assert flow["gru"].any()


def test_targets_of_one_step_are_not_stretched_over_all():
    model = model_of(layer_of("GRU", return_sequences=True))
    x, _ = data()
    for loss in ("mse", "binary_crossentropy", keras.losses.Huber(), "hinge"):
        refused(
            r"expected y of shape \(3, 6, 1\), as .* got \(3, 1\)", model, x, np.ones((3, 1)), loss
        )


def test_targets_that_a_loss_of_keras_compares_in_its_own_way_are_taken():
    """Indices of classes: the loss decides what it can compare."""
    model = model_of(layer_of("GRU", name="gru"), outputs=5)
    x, _ = data()
    for loss in (keras.losses.CategoricalGeneralizedCrossEntropy(), keras.losses.Circle()):
        model.compile(loss=loss, run_eagerly=True)
        flow = gradient_flow(model, x, np.array([0, 4, 4]))
        assert flow.loss == pytest.approx(model.evaluate(x, np.array([0, 4, 4]), verbose=0))


# Losses that models compute by themselves


def squared(y, y_pred):
    return keras.ops.mean((y - y_pred) ** 2)


class Old(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return squared(y, y_pred)


class Documented(keras.Model):
    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        assert training is False
        return squared(y, y_pred)


class Renamed(keras.Model):
    def compute_loss(self, inputs, targets, predictions, weights, training=True):
        return squared(targets, predictions)


class Passing(keras.Model):
    def compute_loss(self, *arguments, **options):
        return super().compute_loss(*arguments, **options)


class Open(keras.Model):
    def compute_loss(self, x, y, y_pred, **options):
        return super().compute_loss(x, y, y_pred, **options)


class Named(keras.Model):
    def compute_loss(self, *, y, y_pred, training=False):
        return squared(y, y_pred)


class Few(keras.Model):
    def compute_loss(self, y_pred, y):
        return squared(y, y_pred)


@pytest.mark.parametrize("kind", [Old, Documented, Renamed, Passing, Open, Named, Few])
@pytest.mark.parametrize("graph", [False, True])
def test_a_loss_computed_by_the_model_may_take_what_it_likes(kind, graph):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, 3))
    model = kind(inputs, layer_of("GRU", units=1, name="gru")(inputs))
    model.compile(loss="mse", run_eagerly=not graph)
    x, y = data()
    flow = gradient_flow(model, x, y)
    error = model(x) - y
    np.testing.assert_allclose(flow["gru"][:, -1], 2 * error / 3, 1e-10)
    assert flow.loss == pytest.approx(np.mean(error**2))


def test_a_loss_computed_by_the_model_may_stretch_its_targets():
    class Stretching(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.losses.MeanSquaredError()(y[:, :1], y_pred)

    inputs = keras.Input((None, 3))
    model = Stretching(inputs, layer_of("GRU", name="gru")(inputs))
    model.compile(run_eagerly=True)
    assert gradient_flow(model, data()[0], np.ones((3, 4)))["gru"].any()


def test_weights_of_samples_that_a_loss_does_not_take_are_not_dropped_silently():
    inputs = keras.Input((None, 3))
    model = Named(inputs, layer_of("GRU", units=1, name="gru")(inputs))
    model.compile(run_eagerly=True)
    with pytest.raises(TypeError, match="sample_weight"):
        gradient_flow(model, *data(), sample_weight=np.ones(3))


DEVICES = """
import keras, numpy as np, tensorflow as tf
from unrolled.gradient_flow import gradient_flow

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

def model():
    layers = [keras.Input((None, 3)), keras.layers.LSTM(4, name="lstm"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    return model

x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
y = np.ones((4, 1), "float32")
for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
    strategy, plain = tf.distribute.MirroredStrategy(devices), model()
    with strategy.scope():
        spread = model()
    spread.fit(x, y, verbose=0)
    plain.set_weights(spread.get_weights())
    flows = [gradient_flow(each, x, y, weights=True) for each in (plain, spread)]
    with strategy.scope():
        flows.append(gradient_flow(spread, x, y, weights=True))
    for flow in flows[1:]:
        for ours, theirs in ((flow, flows[0]), (flow.weights, flows[0].weights)):
            for got, expected in zip(ours.values(), theirs.values(), strict=True):
                np.testing.assert_array_equal(got, expected)
    print(flows[0].loss == flows[1].loss == flows[2].loss, len(flows[0].shares))
"""


def test_models_of_several_devices_are_measured():
    """In a process of its own, since devices are set up before TensorFlow starts."""
    run = subprocess.run([sys.executable, "-c", DEVICES], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "True 3\nTrue 3\n"), run.stderr[-2000:]


# Weights of samples and classes


def weighted(shape):
    rng = np.random.default_rng(1)
    return rng.uniform(0, 2, shape) * rng.integers(0, 2, shape)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 6)])
@pytest.mark.parametrize("graph", [False, True])
def test_weights_of_samples_count_as_in_fit(shape, graph):
    """A step of plain gradient descent, whose update of the last bias is the gradient."""
    every_step = len(shape) > 1
    model = model_of(layer_of("GRU", name="gru", return_sequences=every_step), graph=graph)
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=not graph)
    x, y = data(targets=(3, 6, 1) if every_step else (3, 1))
    w = weighted(shape)
    flow = gradient_flow(model, x, y, sample_weight=w, weights=True)
    assert flow.loss == pytest.approx(model.evaluate(x, y, sample_weight=w, verbose=0))
    if shape == (3, 6):  # a step without weight at the end is reached by no loss
        w[:, -2:] = 0
        assert not gradient_flow(model, x, y, sample_weight=w)["gru"][:, -2:].any()
        flow = gradient_flow(model, x, y, sample_weight=w, weights=True)
    before = model.get_weights()
    model.train_on_batch(x, y, sample_weight=w)
    steps = [old - new for old, new in zip(before, model.get_weights(), strict=True)]
    for gradient, step in zip(flow.weights.values(), steps, strict=True):
        np.testing.assert_allclose(gradient, step, 1e-8, 1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
def test_weights_of_classes_count_as_in_fit(outputs):
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    model = model_of(layer_of("GRU", name="gru"), outputs=outputs)
    model.compile(keras.optimizers.SGD(1.0), loss, run_eagerly=True)
    x, _ = data(batch=4)
    y, of_class = np.array([[0], [1], [1], [outputs > 1 and 2]]), {0: 0.5, 1: 3.0}
    flow = gradient_flow(model, x, y, class_weight=of_class, weights=True)
    before = model.get_weights()
    loss = model.train_on_batch(x, y, class_weight=of_class)
    assert flow.loss == pytest.approx(float(loss))
    steps = [old - new for old, new in zip(before, model.get_weights(), strict=True)]
    for gradient, step in zip(flow.weights.values(), steps, strict=True):
        np.testing.assert_allclose(gradient, step, 1e-8, 1e-12)


def test_weights_are_given_of_samples_or_of_classes():
    model, (x, y) = model_of(layer_of("GRU")), data()
    with pytest.raises(ValueError, match="expected sample_weight or class_weight, got both"):
        gradient_flow(model, x, y, sample_weight=np.ones(3), class_weight={0: 1.0})
    with pytest.raises(ValueError, match="expected y of a single output with class_weight"):
        gradient_flow(model, x, [y, y], class_weight={0: 1.0})
    with pytest.raises(ValueError, match="expected sample_weight with one entry for each of the 3"):
        gradient_flow(model, x, y, sample_weight=np.ones(2))


def test_the_loss_is_that_of_evaluate():
    model = model_of(layer_of("GRU", kernel_regularizer="l2"), graph=True)
    x, y = data()
    assert gradient_flow(model, x, y).loss == pytest.approx(model.evaluate(x, y, verbose=0))


# Losses that do not depend on a layer


CUT = {
    "stop_gradient": lambda y, p: tf.reduce_mean(tf.stop_gradient(p)),
    "argmax": lambda y, p: tf.reduce_mean(tf.cast(tf.argmax(p, axis=-1), "float64")),
    "round": lambda y, p: tf.reduce_mean(tf.cast(tf.cast(p, "int32"), "float64")),
    "constant": lambda y, p: tf.constant(1.0, "float64"),
    "targets": lambda y, p: tf.reduce_mean(y**2),
}


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("graph", [False, True])
def test_a_loss_that_depends_on_no_state_is_refused(kind, graph):
    model = model_of(layer_of("LSTM", name="lstm"), graph=graph)
    words = r"expected a loss that depends on the states of \['lstm'\], but nothing"
    refused(words, model, *data(), CUT[kind])


def test_a_layer_on_which_the_loss_does_not_depend_has_gradient_zero_and_a_warning():
    x = keras.Input((None, 3))
    cut = keras.ops.stop_gradient(layer_of("LSTM", name="cut")(x))
    model = keras.Model(x, layer_of("GRU", name="kept")(x) + cut)
    model.run_eagerly = True
    with pytest.warns(UserWarning, match="the gradient of 'cut' is zero, since nothing that can"):
        flow = gradient_flow(model, data()[0], np.ones((3, UNITS)), "mse")
    assert not flow["cut"].any() and not flow["cut/c"].any() and flow["kept"].any()
    assert flow["cut"].shape == flow["cut/c"].shape == (3, 6, UNITS)


@pytest.mark.parametrize("time", [1, 6])
@pytest.mark.filterwarnings("error")
def test_states_that_the_loss_happens_not_to_see_have_gradient_zero_and_no_warning(time):
    model = model_of(layer_of("LSTM", name="lstm", return_sequences=True))
    model.add(keras.layers.Lambda(lambda h: h[:, time // 2]))
    flow = gradient_flow(model, *data(time=time), "mse")
    assert flow["lstm"][:, : time // 2 + 1].all()
    assert not flow["lstm"][:, time // 2 + 1 :].any()
    assert not flow["lstm/c"][:, time // 2 :].any()
