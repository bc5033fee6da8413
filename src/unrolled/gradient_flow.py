"""Measure how much gradient reaches every time step of a Keras model's recurrent layers."""

from __future__ import annotations

from contextlib import contextmanager

import keras
import numpy as np

SUPPORTED = (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU)


def gradient_flow(model, x, y, loss=None):
    """Total gradient dL/dh_t of the loss with respect to every state of every recurrent layer.

    Exact: automatic differentiation with respect to the tensor h_t that the layer both emits at
    step t and carries to step t + 1, so that every path from h_t to the loss counts. The model runs
    as it does in `predict`, without dropout, and is left as it was.

    Parameters
    ----------
    model : keras.Model
        A built model with SimpleRNN, LSTM or GRU layers, in any number, stacked or nested, on the
        TensorFlow backend.
    x : ndarray of shape (batch, time, features)
        Input sequences, or whatever structure of arrays the model takes.
    y : ndarray
        Targets, one for each sequence, as `fit` takes them.
    loss : str, keras.losses.Loss or callable, optional
        What `compile` takes. By default the loss that `fit` minimises: the compiled one, with
        every regularizer of the model added.

    Returns
    -------
    dict of str to ndarray of shape (batch, time, units)
        dL/dh_t by name of layer, in the layer's floating-point type, for t = 1..time in the order
        in which the layer reads its input (last input first where ``go_backwards=True``).

    Raises
    ------
    ValueError
        If Keras does not run on TensorFlow; if the model is not built, has no recurrent layer, or
        has one that is stateful, is used more than once, or is none of the three supported types;
        if there is no loss; if an array has the wrong shape, is empty or is not finite.

    Notes
    -----
    The reduction is that of the loss. Keras losses average over the batch (and over time, if the
    model predicts at every step), so that the gradients of one sequence scale as ``1 / batch``.
    A Keras loss computes in ``keras.config.floatx()`` unless it is given a ``dtype``.

    For an LSTM, dL/dh_t holds the cell state c_t of the same step fixed; paths through c_{t+1} and
    later cell states count.

    Where a mask skips step t, h_t is the state that is carried on unchanged, so dL/dh_t is what
    reaches the state after step t, whichever step computed it.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled.models import many_to_one
    >>> model = many_to_one("GRU", units=4, seed=0)
    >>> flow = gradient_flow(model, np.ones((2, 7, 1)), np.array([0, 1]))
    >>> {name: gradient.shape for name, gradient in flow.items()}
    {'gru': (2, 7, 4)}
    """
    layers = _recurrent_layers(model)
    compute_loss = _loss_function(model, loss)
    x, y = _checked_arrays(model, x, y)
    import tensorflow as tf  # only now is it certain that Keras runs on it

    with tf.GradientTape(watch_accessed_variables=False) as tape, _unchanged(model):
        with _recorded(layers, tape) as states:
            y_pred = model(x, training=False)
        if idle := [layer.name for layer in layers if layer.name not in states]:
            raise ValueError(f"expected the model to call every recurrent layer, but not {idle}")
        value = compute_loss(x=x, y=y, y_pred=y_pred, training=False)
    gradients = tape.gradient(value, states, unconnected_gradients="zero")
    return {name: np.stack(by_step, axis=1) for name, by_step in gradients.items()}


@contextmanager
def _recorded(layers, tape):
    """While this lasts, each layer's loop over time puts its states into the yielded dict."""
    states = {}  # set and removed through vars(layer): Keras tracks what is set as an attribute
    try:
        for layer in layers:
            vars(layer)["inner_loop"] = _recording_loop(layer, tape, states)
        yield states
    finally:
        for layer in layers:
            vars(layer).pop("inner_loop", None)


def _recording_loop(layer, tape, record):
    """Build the layer's `inner_loop` as a plain loop that keeps and watches every h_t."""
    import tensorflow as tf

    def inner_loop(sequences, initial_state, mask, training=False):
        if layer.name in record:
            raise ValueError(f"expected one call of one layer named {layer.name!r}, got two")
        if layer.go_backwards:
            sequences = sequences[:, ::-1]
            mask = None if mask is None else mask[:, ::-1]
        h, states = [], list(initial_state)
        for t in range(sequences.shape[1]):
            previous, (_, states) = states, layer.cell(sequences[:, t], states, training=training)
            if mask is not None:
                read = mask[:, t, None]
                states = [tf.where(read, s, p) for s, p in zip(states, previous, strict=True)]
            tape.watch(states[0])
            h.append(states[0])
        record[layer.name] = h
        outputs = tf.stack(h, axis=1)
        if mask is not None:
            # Keras emits zeros until the first step that is read, and then repeats the last output.
            steps_read = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
            shown = mask if layer.zero_output_for_mask else steps_read > 0
            outputs = tf.where(shown[:, :, None], outputs, tf.zeros_like(outputs))
        return outputs[:, -1], outputs, states

    return inner_loop


@contextmanager
def _unchanged(model):
    """Put back what a call may change: random seeds of dropout, metrics."""
    variables = [*model.non_trainable_variables, *model.metrics_variables]
    values = [variable.numpy() for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def _recurrent_layers(model):
    """Every recurrent layer of the model; an error that names what cannot be measured."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"expected the TensorFlow backend, got {keras.backend.backend()!r}")
    if not isinstance(model, keras.Model):
        raise ValueError(f"expected a Keras model, got {type(model).__name__}")
    if not model.built:
        raise ValueError(
            f"expected a built model, got {model.name!r}, which is not: start it with a keras.Input"
        )
    known = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.StackedRNNCells)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, known)]
    for layer in layers:
        if type(layer) not in SUPPORTED:
            raise ValueError(
                "expected recurrent layers of type SimpleRNN, LSTM or GRU, "
                f"got {layer.name!r} of type {type(layer).__name__}"
            )
        if layer.stateful:
            raise ValueError(f"expected layers that are not stateful, got {layer.name!r}")
    if not layers:
        raise ValueError(f"expected a recurrent layer in the model, got none in {model.name!r}")
    return layers


def _loss_function(model, loss):
    """The `compute_loss` of the model or, for a loss of its own, of an empty model."""
    if loss is None:
        if not model.compiled:
            raise ValueError("expected a compiled model or a loss, got neither")
        return model.compute_loss
    judge = keras.Sequential()
    judge.compile(loss=loss)
    return judge.compute_loss


def _checked_arrays(model, x, y):
    """Inputs and targets as arrays whose shapes fit the model and whose values are finite."""
    x, y = (keras.tree.map_structure(np.asarray, arrays) for arrays in (x, y))
    inputs, targets = keras.tree.flatten(x), keras.tree.flatten(y)
    # A subclassed model has no `inputs`: what it takes is known only to its `call`.
    expected = [tensor.shape for tensor in getattr(model, "inputs", None) or ()]
    got = [array.shape for array in inputs]
    if any(0 in shape for shape in got) or (expected and not _fit(got, expected)):
        raise ValueError(f"expected x of shape {expected} with no empty axis, got {got}")
    if any(target.shape[:1] != inputs[0].shape[:1] for target in targets):
        raise ValueError(
            f"expected y with one target for each of the {inputs[0].shape[0]} sequences of x, "
            f"got shape {[target.shape for target in targets]}"
        )
    for name, arrays in (("x", inputs), ("y", targets)):
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"expected finite values in {name}, got NaN or infinity")
    return x, y


def _fit(shapes, expected):
    return len(shapes) == len(expected) and all(
        len(shape) == len(wanted)
        and all(w in (None, size) for size, w in zip(shape, wanted, strict=True))
        for shape, wanted in zip(shapes, expected, strict=True)
    )
