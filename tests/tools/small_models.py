"""Small recurrent models, and their gradient flow by automatic differentiation of plain loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unrolled.gradient_flow import gradient_flow

EXACT = {"float32": 2e-6, "float64": 1e-13}  # relative to the largest entry of a step
LAYERS = {
    "SimpleRNN": (keras.layers.SimpleRNN, {}),
    "LSTM": (keras.layers.LSTM, {}),
    "GRU": (keras.layers.GRU, {"reset_after": True}),
    "GRU, reset before": (keras.layers.GRU, {"reset_after": False}),
}
UNITS = 4


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


def refused(message, model, *arguments):
    with pytest.raises(ValueError, match=message):
        gradient_flow(model, *(arguments or data()))


def subclassed(call, **layers):
    """A model with these layers whose call is a function of the model and its inputs; built."""

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            for name, layer in layers.items():
                setattr(self, name, layer)

        def call(self, x):
            return call(self, x)

    model = Subclassed()
    model(data()[0])
    model.run_eagerly = True
    return model
