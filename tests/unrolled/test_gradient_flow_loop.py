"""Masks, long sequences, and what the measuring loop predicts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import UNITS, assert_equal_flow, data, expected_flow, layer_of, model_of

from unrolled.gradient_flow import GradientFlow, gradient_flow

pytestmark = pytest.mark.usefixtures("double_precision")


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


@pytest.mark.parametrize("time", [1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("masked", [False, True])
def test_flow_is_exact_at_any_length(time, masked):
    layers = [layer_of("LSTM", units=2, return_sequences=True), layer_of("GRU", units=3)]
    before = [keras.layers.Masking(dtype="float64")] if masked else []
    model = model_of(*before, *layers, graph=time > 1)
    x, y = data(batch=2, time=time)
    x[1, time // 3 : time // 2] = 0
    mask = x.any(axis=-1) if masked else None
    expected = expected_flow(layers, model.layers[-1], x, y, mask)
    flow = gradient_flow(model, x, y)
    for name, gradient in flow.items():
        size = np.abs(expected[name]).max()
        np.testing.assert_allclose(gradient, expected[name], 1e-9, 1e-13 * size)


def operations(graph):
    """Names of all operations in the functions that a concrete graph calls, and in itself."""
    library = graph.graph.as_graph_def().library
    return [node.op for function in library.function for node in function.node_def]


def test_no_step_of_the_measurement_takes_longer_in_a_longer_sequence():
    """Reading step t of an array has a gradient of the size of the array."""
    layer = layer_of("LSTM", return_sequences=True)
    model = model_of(keras.layers.Masking(), layer, layer_of("GRU"), graph=True)
    measure = GradientFlow(model)
    x, y = data()
    measure(x, y)
    (graph,) = measure._graph._list_all_concrete_functions()
    done = operations(graph)
    assert "TensorListPopBack" in done
    assert not {"TensorListGetItem", "TensorListSetItem", "GatherV2"} & set(done)
