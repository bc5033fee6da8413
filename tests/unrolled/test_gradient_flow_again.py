"""What is measured again and again, copied, or measured in threads; and the model afterwards."""

import copy
import gc
import pickle
import re
import threading
from weakref import ref

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import EXACT, assert_equal_flow, data, expected_flow, layer_of, model_of

from unrolled.gradient_flow import GradientFlow, gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


def test_a_later_call_sees_new_weights_data_and_states():
    layer = layer_of("LSTM", name="lstm")
    model = model_of(layer, graph=True)
    gradient_flow(model, *data())
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    x, y = rng.normal(size=(3, 6, 3)), np.ones((3, 1))
    expected = expected_flow([layer], model.layers[-1], x, y)
    assert_equal_flow(gradient_flow(model, x, y), expected)


def test_losses_that_layers_have_added_are_as_they_were():
    model = model_of(layer_of("GRU"), keras.layers.ActivityRegularization(l2=0.5), graph=True)
    x, y = data()
    model(x)
    before = [float(loss) for loss in model.losses]
    gradient_flow(model, 2 * x, y)
    assert [float(loss) for loss in model.losses] == before


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


def traces(measure):
    """How often a measurement has been made a graph."""
    return measure._graph.experimental_get_tracing_count()


def test_a_later_call_compiles_nothing():
    model = model_of(layer_of("GRU"), graph=True)
    measure = GradientFlow(model)
    measure(*data())
    model.fit(*data(), verbose=0)
    model.predict(data()[0], verbose=0)
    model.stop_training = True
    measure(*data())
    assert traces(measure) == 1


def test_many_lengths_share_one_graph():
    layer = layer_of("LSTM", units=2, name="lstm")
    model = model_of(layer, graph=True)
    measure = GradientFlow(model)
    for time in range(1, 13):
        x, y = data(batch=2 + time % 3, time=time)
        flow = measure(x, y)
        assert flow["lstm"].shape == (len(x), time, 2)
    assert traces(measure) <= 3  # as it comes, any length, any batch
    assert_equal_flow(flow, expected_flow([layer], model.layers[-1], x, y))


def test_nothing_is_compiled_for_a_model_that_runs_eagerly():
    model = model_of(layer_of("GRU"))
    measure = GradientFlow(model)
    measure(*data())
    assert traces(measure) == 0


def test_a_model_that_is_compiled_once_more_is_measured_with_its_new_loss():
    x, y = data()
    model = model_of(layer_of("GRU", name="gru"), graph=True)
    measure = GradientFlow(model)
    before = measure(x, y)["gru"]
    model.compile(loss="mse")
    after = measure(x, y)["gru"]
    assert not np.allclose(after, before)
    np.testing.assert_array_equal(after, gradient_flow(model, x, y)["gru"])


def test_each_measurement_has_its_own_loss():
    model = model_of(layer_of("GRU", name="gru"), graph=True)
    x, y = data()
    measures = [
        GradientFlow(model, lambda y, p, by=by: by * tf.reduce_mean((y - p) ** 2)) for by in (1, 3)
    ]
    once, thrice = (measure(x, y)["gru"] for measure in measures)
    np.testing.assert_allclose(thrice, 3 * once, EXACT["float64"])


def test_a_model_that_is_no_longer_used_goes_with_its_measurement():
    model = model_of(layer_of("SimpleRNN", units=1), graph=True)
    gone = ref(model)
    gradient_flow(model, *data(batch=1, time=2))
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("how", ["copy", "pickle"])
@pytest.mark.parametrize("used", [False, True])
def test_a_measurement_can_be_copied(how, used):
    model = model_of(layer_of("GRU", name="gru"), graph=True)
    measure = GradientFlow(model, "mse", layers=["gru"])
    x, y = data()
    expected = measure(x, y)["gru"] if used else None
    same = copy.deepcopy(measure) if how == "copy" else pickle.loads(pickle.dumps(measure))
    assert same.model is not model
    if expected is None:
        expected = measure(x, y)["gru"]
    np.testing.assert_array_equal(same(x, y)["gru"], expected)
    same.model.set_weights([0 * w for w in model.get_weights()])
    assert not same(x, y)["gru"].any()
    np.testing.assert_array_equal(measure(x, y)["gru"], expected)


# Threads


def in_threads(*jobs):
    """Run all jobs at once; return what they return, or raise what they raise."""
    results, ready = [None] * len(jobs), threading.Barrier(len(jobs))

    def work(i, job):
        ready.wait()
        try:
            results[i] = job()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


@pytest.mark.parametrize("graph", [False, True])
def test_threads_measure_and_predict_at_once(graph):
    model = model_of(layer_of("LSTM", name="lstm", dropout=0.5), graph=graph)
    x, y = data(time=5)
    longer = data(time=7)
    shared = GradientFlow(model)
    plain = model(x).numpy()
    flows = in_threads(
        lambda: gradient_flow(model, x, y),
        lambda: gradient_flow(model, *longer),
        lambda: shared(x, y),
        lambda: shared(x, y),
        lambda: [model(x).numpy() for _ in range(20)],
        lambda: model.predict(x, verbose=0),
    )
    *flows, called, predicted = flows
    for flow, given in zip(flows, [(x, y), longer, (x, y), (x, y)], strict=True):
        np.testing.assert_array_equal(flow["lstm"], gradient_flow(model, *given)["lstm"])
    for prediction in called:
        np.testing.assert_array_equal(prediction, plain)
    np.testing.assert_allclose(predicted, plain, 1e-12)


def test_another_thread_runs_the_loop_of_keras_while_one_measures():
    """A layer that calls predict in another thread, in the middle of a measurement."""
    inner, seen = layer_of("GRU", name="gru"), []

    class Asking(keras.layers.Layer):
        def call(self, x):
            if threading.current_thread() is threading.main_thread() and asking:
                seen.extend(in_threads(lambda: inner(probe)))
            return x

    asking = False
    model = model_of(Asking(), inner)
    probe, y = data()
    expected, asking = inner(probe), True
    flow = gradient_flow(model, probe, y)
    assert list(flow) == ["gru"]  # not "gru#2"
    np.testing.assert_array_equal(seen[0], expected)


def test_keras_is_as_it_was_after_a_measurement():
    kinds = keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU
    before = [vars(kind)["inner_loop"] for kind in kinds], keras.losses.Loss.__call__
    gradient_flow(model_of(layer_of("GRU")), *data())
    with pytest.raises(ValueError, match="expected y of shape"):
        gradient_flow(model_of(layer_of("GRU")), data()[0], np.ones((3, 7)))
    assert before == ([vars(kind)["inner_loop"] for kind in kinds], keras.losses.Loss.__call__)
