"""A layer of a Keras model as one of this library's cells, unrolled over what the layer reads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unrolled.bptt import Cache, unroll
from unrolled.cells import Cell, GRUCell, LSTMCell, SimpleRNNCell
from unrolled.cells.gated import split
from unrolled.cells.simple import ACTIVATIONS
from unrolled.gradient_flow import _unchanged
from unrolled.keras_inputs import as_tensors, first_batch
from unrolled.probes import keras, layer_named, recurrent_layers

_GATED = "tanh", "sigmoid"
#: Cells of Keras, those of this library, and the names of what they keep besides the state.
_CELLS: dict[Any, tuple[type[Cell], list[str]]] = {
    keras.layers.SimpleRNNCell: (SimpleRNNCell, []),
    keras.layers.LSTMCell: (LSTMCell, ["input", "forget", "candidate", "output"]),
    keras.layers.GRUCell: (GRUCell, ["update", "reset", "candidate"]),
}


class UnrolledLayer(NamedTuple):
    """What `unroll_layer` returns."""

    cell: Cell  #: a cell with the weights of the layer
    states: np.ndarray  #: the state after every step, as `unroll` returns them
    cache: Cache  #: for `jacobians` and `backpropagate_through_time`

    @property
    def gates(self) -> dict[str, np.ndarray]:
        """Gates and candidate by name, (batch, time, units) each; none of a SimpleRNN."""
        names = dict(_CELLS.values())[type(self.cell)]
        return dict(zip(names, split(self.cache.gates, max(1, self.cell.gates)), strict=False))


def unroll_layer(model: Any, x: Any, name: str) -> UnrolledLayer:
    """Run one recurrent layer of a Keras model in NumPy, on what it reads when the model reads x.

    Its gates, the Jacobians of its steps and all else that `unrolled` computes of a cell are then
    at hand. The model runs as in `predict`, and is left as it was.

    Parameters
    ----------
    model : keras.Model
        A built model on the TensorFlow backend.
    x : array_like of shape (batch, time, features)
        Input sequences, or whatever structure of arrays the model takes.
    name : str
        Of a SimpleRNN, LSTM or GRU, as in the keys of `gradient_flow`: "lstm",
        "both/backward_lstm", "encoder/lstm", or "lstm#2" for the second call.

    Returns
    -------
    UnrolledLayer
        With time in the order in which the layer reads its input, as in `gradient_flow`.

    Raises
    ------
    ValueError
        If there is no recurrent layer of that name, or the model does not call it by itself, but
        within TimeDistributed or not at all; if it has another cell, or other activations than
        tanh (or relu or linear in a SimpleRNN) and sigmoid; if a mask skips steps other than the
        last ones, or all.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import jacobians
    >>> from unrolled.models import many_to_one
    >>> layer = unroll_layer(many_to_one("LSTM", units=4, seed=0), np.ones((2, 7, 1)), "lstm")
    >>> layer.gates["forget"].shape, jacobians(layer.cell, layer.cache).shape
    ((2, 7, 4), (2, 7, 8, 8))
    """
    layers = recurrent_layers(model)
    plain, number = layer_named(name, layers), name.partition("#")[2] or "1"
    if plain is None or not number.isdigit():
        raise ValueError(f"expected one of the recurrent layers {list(layers)}, got {name!r}")
    layer, call = layers[plain], int(number)
    for wrapper in model._flatten_layers():
        if isinstance(wrapper, keras.layers.TimeDistributed) and layer in wrapper._flatten_layers():
            raise ValueError(
                f"expected a layer that runs by itself, got {name!r} within the TimeDistributed "
                f"{wrapper.name!r}: unroll it in the model of one slice"
            )
    cell, calls = _cell_like(layer.cell, name), _calls(model, layer, x)
    if not 0 < call <= len(calls):
        raise ValueError(f"expected {name!r} to be called, got {len(calls)} calls of {plain!r}")
    sequences, initial_state, mask = calls[call - 1]
    lengths = None if mask is None else _lengths(mask, name)
    return UnrolledLayer(cell, *unroll(cell, sequences, initial_state, lengths=lengths))


def _cell_like(cell: Any, name: str) -> Cell:
    """A cell of this library with the weights of one of Keras."""
    functions = (getattr(cell, which, None) for which in ("activation", "recurrent_activation"))
    used = tuple(function.__name__ for function in functions if function is not None)
    if type(cell) not in _CELLS or used not in [*((name,) for name in ACTIVATIONS), _GATED]:
        raise ValueError(
            "expected a SimpleRNN with tanh, relu or linear units, or an LSTM or GRU with tanh and "
            f"sigmoid, got {name!r} with {type(cell).__name__} and {', '.join(used) or 'none'}"
        )
    kind = _CELLS[type(cell)][0]
    kernel, recurrent_kernel = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel)
    shape = (2,)[: getattr(cell, "reset_after", 0)] + kernel.shape[1:]
    bias = np.zeros(shape, kernel.dtype) if cell.bias is None else np.asarray(cell.bias)
    return kind(kernel, recurrent_kernel, bias, *used[:1] if kind is SimpleRNNCell else ())


def _calls(model: Any, layer: Any, x: Any) -> list[tuple[Any, Any, Any]]:
    """Sequences, initial state and mask of each call of the layer, in the order of reading."""
    import tensorflow as tf

    original = layer.inner_loop
    calls: list[tuple[Any, Any, Any]] = []

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        if not tf.executing_eagerly():
            raise ValueError(f"expected {layer.name!r} to run by itself, not within a function")
        states = [np.asarray(state) for state in keras.tree.flatten(initial_state)]
        order = slice(None, None, -1 if layer.go_backwards else 1)
        read = [None if part is None else np.asarray(part)[:, order] for part in (sequences, mask)]
        calls.append((read[0], np.concatenate(states, axis=-1), read[1]))
        return original(sequences, initial_state, mask, training)

    x, *_ = as_tensors(model, [layer], first_batch(x)[0], None, None, None)
    vars(layer)["inner_loop"] = inner_loop  # through vars: Keras tracks attributes
    try:
        with _unchanged(model, recurrent_layers(model).values()):
            model(x, training=False)
    finally:
        del vars(layer)["inner_loop"]
    return calls


def _lengths(mask: np.ndarray, name: str) -> np.ndarray:
    mask = mask.reshape(len(mask), -1)
    lengths: np.ndarray = mask.sum(axis=1)
    if np.any(mask != (np.arange(len(mask.T)) < lengths[:, None])) or not lengths.all():
        raise ValueError(f"expected {name!r} to read steps 1 to n, n > 0, of each masked sequence")
    return lengths
