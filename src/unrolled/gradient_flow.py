"""Measure how much gradient reaches every time step of a Keras model's recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np

from unrolled.probes import probed, recurrent_layers

#: Compiled measurements of each model that is still in use; the oldest of a model goes first.
_COMPILED: WeakKeyDictionary[keras.Model, dict[Any, Callable[..., Any]]] = WeakKeyDictionary()
_KEPT = 8

_SPARSE = {"sparse_categorical_crossentropy"}
_ELEMENTWISE = {
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "dice", "hinge",
    "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "squared_hinge", "tversky",
}  # fmt: skip


def gradient_flow(model: Any, x: Any, y: Any, loss: Any = None) -> dict[str, np.ndarray]:
    """Total gradient of the loss with respect to every state of every recurrent layer.

    Exact: automatic differentiation with respect to the state that the layer carries from step t
    to step t + 1, and emits at step t, so that every path from it to the loss counts. The model
    runs as it does in `predict`, without dropout, and is left as it was.

    Parameters
    ----------
    model : keras.Model
        A built model on the TensorFlow backend with recurrent layers, in any number, stacked,
        nested or shared: SimpleRNN, LSTM, GRU, ConvLSTM, Bidirectional, and any cell or stack of
        cells in `keras.layers.RNN`.
    x : array_like of shape (batch, time, features)
        Input sequences, or whatever structure of arrays the model takes.
    y : array_like
        Targets, one for each sequence, as `fit` takes them; None if no loss compares them.
    loss : str, keras.losses.Loss or callable, optional
        What `compile` takes. By default the loss that `fit` minimises: the compiled one, with
        every regularizer of the model added.

    Returns
    -------
    dict of str to ndarray of shape (batch, time, units)
        dL/dh_t by name of layer, in the layer's floating-point type, for t = 1..time in the order
        in which the layer reads its input (last input first where ``go_backwards=True``, as in
        the backward half of a Bidirectional). Keys are

        - ``"lstm"`` for dL/dh_t of a layer of that name, and ``"lstm/c"`` for dL/dc_t;
        - ``"bidirectional/forward_lstm"`` and ``"bidirectional/backward_lstm"``;
        - ``"rnn/gru_cell"``, ``"rnn/gru_cell_1"`` for the cells of a stack in ``RNN``;
        - ``"rnn"``, ``"rnn/1"``, ... for the states of any other cell, nested ones flattened, in
          the order in which it returns them;
        - ``"lstm#2"`` for the second call of a layer that is used twice.

    Raises
    ------
    ValueError
        If Keras does not run on TensorFlow; if the model is not built or has no recurrent layer;
        if one is not called, has a loop of its own, or runs within another loop, as in
        TimeDistributed; if there is no loss; if an array has the wrong shape or type, is empty or
        is not finite; if the loss would stretch targets over an output of another shape.

    Notes
    -----
    The reduction is that of the loss. Keras losses average over the batch (and over time, if the
    model predicts at every step), so that the gradients of one sequence scale as ``1 / batch``.
    A Keras loss computes in ``keras.config.floatx()`` unless it is given a ``dtype``.
    Weights of samples or classes that `fit` may be given do not count.

    The state of an LSTM is the vector (h, c), and the two arrays are the two parts of its
    gradient: dL/dh_t holds c_t fixed and dL/dc_t holds h_t fixed; paths through later states
    count. In the same way each state of any cell holds its others fixed. The cells of a stack
    feed one another within a step, and those paths count, as between layers.

    Where a mask skips step t, the state is carried on unchanged, and its gradient is what reaches
    the state after step t, whichever step computed it. A stateful layer starts from the state
    that it holds, and holds the same one afterwards.

    The first call for a model, a loss and a shape of data compiles a graph, which is kept for as
    long as the model lives; later calls cost about as much as a step of training. A change of an
    attribute of a layer is noticed; what a Lambda layer or a loss reads from Python is read once,
    as in `fit`. With ``model.run_eagerly = True`` nothing is compiled.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled.models import many_to_one
    >>> model = many_to_one("LSTM", units=4, seed=0)
    >>> flow = gradient_flow(model, np.ones((2, 7, 1)), np.array([0, 1]))
    >>> {name: gradient.shape for name, gradient in flow.items()}
    {'lstm': (2, 7, 4), 'lstm/c': (2, 7, 4)}
    """
    layers = _checked_layers(model)
    if loss is None and not model.compiled:
        raise ValueError("expected a compiled model or a loss, got neither")
    x, y = _checked_arrays(model, x, y)
    if y is None and (loss is not None or model.loss is not None):
        raise ValueError("expected y, which the loss compares with the output, got None")
    with _unchanged(model, layers.values()):
        measure = _measurement(model, loss) if model.run_eagerly else _compiled(model, loss, x, y)
        gradients = measure(x, y)
    return {
        name: np.ascontiguousarray(np.moveaxis(np.asarray(gradient), 0, 1))
        for name, gradient in gradients.items()
    }


def _compiled(model: Any, loss: Any, x: Any, y: Any) -> Callable[..., dict[str, Any]]:
    """The measurement as a graph for data of these shapes, from the store if it is there."""
    import tensorflow as tf

    def shape(array: np.ndarray | None) -> tuple[Any, ...]:
        return () if array is None else (array.shape, array.dtype.str)

    def identity(part: Any) -> Any:
        return part if isinstance(part, str) else id(part)

    shapes = repr(keras.tree.map_structure(shape, (x, y)))
    losses = repr(keras.tree.map_structure(identity, loss))
    # The key holds the losses too, so that no other object takes over an id.
    held = vars(model).get("_compile_loss"), *keras.tree.flatten(loss)
    key = shapes, losses, held, _settings(model)
    store = _COMPILED.setdefault(model, {})
    if key not in store:
        while len(store) >= _KEPT:
            del store[next(iter(store))]
        graph = tf.function(_measurement(model, loss), autograph=False)
        store[key] = graph.get_concrete_function(*_as_tensors(x, y))
    return lambda x, y: store[key](*_as_tensors(x, y))


def _as_tensors(*arrays: Any) -> Any:
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda array: None if array is None else tf.convert_to_tensor(array), arrays
    )


def _settings(model: Any) -> tuple[Any, ...]:
    """Everything plain that layers hold as public attributes: a graph is made for it."""
    return tuple(
        (id(layer), name, id(value) if callable(value) else value)
        for layer in model._flatten_layers(include_self=False)
        for name, value in vars(layer).items()
        if not name.startswith("_")
        and (callable(value) or isinstance(value, (bool, int, float, str)))
    )


def _measurement(model: Any, loss: Any) -> Callable[..., dict[str, Any]]:
    """The function of x and y that is measured; it does not keep the model alive."""
    import tensorflow as tf  # only now is it certain that Keras runs on it

    reference, judge = ref(model), None
    names = getattr(model, "output_names", None)
    if loss is not None:  # computed by an empty model
        judge = keras.Sequential()
        judge.output_names = names
        judge.compile(loss=loss)

    def measure(x: Any, y: Any) -> dict[str, Any]:
        model: Any = reference()
        layers = recurrent_layers(model)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            with probed(layers, tape) as (probes, calls):
                y_pred = model(x, training=False)
            if idle := [name for name in layers if name not in calls]:
                raise ValueError(
                    f"expected the model to call every recurrent layer, but not {idle}"
                )
            named = names or range(len(keras.tree.flatten(y_pred)))
            _check_targets(y, y_pred, model.loss if loss is None else loss, named)
            compute_loss = (judge or model).compute_loss
            value = compute_loss(x=x, y=y, y_pred=y_pred, training=False)
        gradients: dict[str, Any] = tape.gradient(value, probes, unconnected_gradients="zero")
        return gradients

    return measure


@contextmanager
def _unchanged(model: Any, layers: Iterable[Any]) -> Iterator[None]:
    """Put back what a call may change: seeds of dropout, metrics, states kept, losses added."""
    import tensorflow as tf

    variables = [*model.non_trainable_variables, *model.metrics_variables]
    for layer in layers:
        variables += keras.tree.flatten(layer.states) if layer.stateful else []
    values = [tf.convert_to_tensor(variable.value) for variable in variables]
    losses = [(layer, list(layer._losses)) for layer in model._flatten_layers()]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        for layer, added in losses:
            layer._losses[:] = added


def _checked_layers(model: Any) -> dict[str, Any]:
    """Every recurrent layer of the model by name."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"expected the TensorFlow backend, got {keras.backend.backend()!r}")
    if not isinstance(model, keras.Model):
        kind = model if isinstance(model, type) else type(model)
        what = "the class" if kind is model else "an instance of"
        raise ValueError(
            f"expected an instance of keras.Model, got {what} {kind.__module__}.{kind.__qualname__}"
        )
    if not model.built:
        raise ValueError(
            f"expected a built model, got {model.name!r}, which is not: start it with a "
            "keras.Input, or call it once"
        )
    layers = recurrent_layers(model)
    if not layers:
        raise ValueError(f"expected a recurrent layer in the model, got none in {model.name!r}")
    return layers


def _checked_arrays(model: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Inputs and targets as arrays whose shapes fit the model and whose values are finite."""
    # A subclassed model has no `inputs`: what it takes is known only to its `call`.
    inputs = getattr(model, "inputs", None) or []
    x = _as_arrays("x", x, len(inputs))
    expected = [tensor.shape for tensor in inputs]
    got = [array.shape for array in keras.tree.flatten(x)]
    if any(0 in shape for shape in got) or (expected and not _fit(got, expected)):
        raise ValueError(f"expected x of shape {expected} with no empty axis, got {got}")
    texts = [keras.backend.standardize_dtype(tensor.dtype) == "string" for tensor in inputs]
    for i, array in enumerate(keras.tree.flatten(x)):
        if not (i < len(texts) and texts[i]):
            _check_numbers("x", array)
    if y is None:
        return x, None
    y = _as_arrays("y", y, len(getattr(model, "outputs", None) or []))
    targets = [array.shape for array in keras.tree.flatten(y)]
    if not targets or any(shape[:1] != got[0][:1] for shape in targets):
        raise ValueError(
            f"expected y with one target for each of the {got[0][0]} sequences of x, "
            f"got shape {targets}"
        )
    for array in keras.tree.flatten(y):
        _check_numbers("y", array)
    return x, y


def _as_arrays(name: str, data: Any, parts: int) -> Any:
    """Lists of numbers as arrays, one for each of the `parts`; other structures are kept."""
    if isinstance(data, dict):
        return {key: _as_arrays(name, part, 1) for key, part in data.items()}
    plain = isinstance(data, (list, tuple)) and any(
        np.isscalar(leaf) for leaf in keras.tree.flatten(data)
    )
    try:
        if plain and parts > 1:
            return [np.asarray(part) for part in data]
        arrays = np.asarray(data) if plain else keras.tree.map_structure(np.asarray, data)
    except ValueError as error:
        raise ValueError(f"expected {name} with sequences of one length: {error}") from None
    for array in keras.tree.flatten(arrays):
        if array.shape == () and array.dtype == object:
            raise ValueError(
                f"expected {name} as arrays of one batch, such as one `next(iter(dataset))` gives, "
                f"got {type(array.item()).__name__}"
            )
    return arrays


def _check_numbers(name: str, array: np.ndarray) -> None:
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ValueError(f"expected numbers in {name}, got values of type {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite values in {name}, got NaN or infinity")


def _fit(shapes: list[tuple[int, ...]], expected: list[tuple[int | None, ...]]) -> bool:
    return len(shapes) == len(expected) and all(
        len(shape) == len(wanted)
        and all(w in (None, size) for size, w in zip(shape, wanted, strict=True))
        for shape, wanted in zip(shapes, expected, strict=True)
    )


def _check_targets(y: Any, y_pred: Any, loss: Any, names: Sequence[Any]) -> None:
    """Refuse targets that a loss of Keras would stretch over an output of the model."""
    outputs = _by_name(y_pred, names)
    nested = keras.tree.is_nested(loss)
    losses = _by_name(loss, outputs) if nested else dict.fromkeys(outputs, loss)
    judged = [name for name in outputs if losses.get(name) is not None]
    targets = _by_name(y, outputs if len(keras.tree.flatten(y)) == len(outputs) else judged)
    if isinstance(y, dict) and not set(judged) <= set(y) <= set(outputs):
        raise ValueError(f"expected y for the outputs {judged}, got it for {list(y)}")
    for name in judged:
        parts = targets.get(name), outputs[name], losses[name]
        if name in targets and not any(map(keras.tree.is_nested, parts)):
            _check_target(*parts, f" for output {name!r}" if len(outputs) > 1 else "")


def _by_name(data: Any, names: Iterable[Any]) -> dict[Any, Any]:
    """What Keras takes as a dictionary or in the order of the outputs, as a dictionary."""
    if isinstance(data, dict):
        return data
    return dict(zip(names, keras.tree.flatten(data), strict=False))


def _check_target(target: Any, output: Any, loss: Any, place: str) -> None:
    function = keras.losses.get(loss)
    name = getattr(getattr(function, "fn", function), "__name__", "")
    got, shape = tuple(target.shape), tuple(output.shape)
    fitting: list[tuple[int | None, ...]] = []
    if name in _SPARSE:
        fitting = [shape[:-1], (*shape[:-1], 1)]
    elif name in _ELEMENTWISE:
        fitting = [shape, (*shape, 1)] + ([shape[:-1]] if shape[-1:] == (1,) else [])
    if fitting and not any(_fit([got], [wanted]) for wanted in fitting):
        raise ValueError(
            f"expected y of shape {fitting[0]}{place}, as {name} takes it with an output of shape "
            f"{shape}, got {got}"
        )
