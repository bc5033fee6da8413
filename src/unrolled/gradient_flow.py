"""Measure how much gradient reaches every time step of a Keras model's recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from unrolled.backend import keras
from unrolled.probes import cells_of, probed, recurrent_layers

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
        Targets, one for each sequence, as `fit` takes them; None if no loss compares them, or in
        place of those of an output without a loss.
    loss : str, keras.losses.Loss or callable, optional
        What `compile` takes. By default the loss that `fit` minimises: the compiled one, with
        every regularizer of the model added. What a `train_step` of your own computes is not seen.

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
        - ``"encoder/lstm"`` and ``"decoder/lstm"`` if two inner models have a layer of one name;
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
    Weights of samples or classes that `fit` may be given do not count. Data are cast as in `fit`:
    floating-point numbers to ``keras.config.floatx()``, unless a recurrent layer is more precise.

    The state of an LSTM is the vector (h, c), and the two arrays are the two parts of its
    gradient: dL/dh_t holds c_t fixed and dL/dc_t holds h_t fixed; paths through later states
    count. In the same way each state of any cell holds its others fixed. The cells of a stack
    feed one another within a step, and those paths count, as between layers.

    Where a mask skips step t, the state is carried on unchanged, and its gradient is what reaches
    the state after step t, whichever step computed it. A stateful layer starts from the state
    that it holds, and holds the same one afterwards.

    The first call for a model, a loss and a shape of data compiles a graph, which is kept for as
    long as the model lives; later calls cost about as much as a step of training. Where the model,
    a layer or a cell holds a number, a text, an array, a function, or a list or dictionary of them
    as an attribute, a change of it is noticed; what else a layer or a loss reads from Python is
    read once, as in `fit`. With ``model.run_eagerly = True`` nothing is compiled.

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
    x, y = _as_tensors(*_checked_arrays(model, layers.values(), x, y))
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

    def shape(tensor: Any) -> tuple[Any, ...]:
        return () if tensor is None else (tensor.shape, tensor.dtype)

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
        measure = tf.function(_measurement(model, loss), autograph=False)
        store[key] = measure.get_concrete_function(x, y)
    return store[key]


def _as_tensors(*arrays: Any) -> Any:
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda array: None if array is None else tf.convert_to_tensor(array), arrays
    )


def build(model: Any, x: Any) -> None:
    """Make the weights of a model as the first step of `fit` would, by a call without numbers."""

    def symbol(tensor: Any) -> Any:
        dtype = keras.config.floatx() if tensor.dtype.is_floating else tensor.dtype.name
        return keras.KerasTensor((None, *tensor.shape[1:]), dtype)

    model(keras.tree.map_structure(symbol, *_as_tensors(_as_arrays("x", x, 1))))


def _settings(model: Any) -> tuple[Any, ...]:
    """All plain data and functions that a model, its layers and cells hold, as a graph has them."""
    skipped, layers = _bookkeeping(), model._flatten_layers()
    cells = chain(*(cells_of(layer) for layer in layers if isinstance(layer, keras.layers.RNN)))
    holders = {id(holder): holder for holder in chain(layers, cells)}  # cells need not be layers
    return tuple(
        (_identity(holder), name, plain)
        for holder in holders.values()
        for name, value in getattr(holder, "__dict__", {}).items()
        if name not in skipped
        and not name.startswith("_self_")  # those of TensorFlow
        and (plain := _plain(value)) is not None
    )


@cache
def _bookkeeping() -> set[str]:
    """Attributes that Keras itself sets, some of them at each call: the private ones of any model
    and what `fit`, `evaluate` and `predict` leave."""
    private = {name for name in vars(keras.Model(name="any")) if name.startswith("_")}
    functions = {"train_function", "test_function", "predict_function"}
    return private | functions | {"stop_training", "stop_evaluating", "stop_predicting"}


def _plain(value: Any) -> Any:
    """What tells plain data, or a function, from another; None for all else."""
    if isinstance(value, (bool, int, float, complex, str, np.generic)):
        return repr(value)  # 1, 1.0 and True are equal
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, hash(value.tobytes())
    if isinstance(value, dict):
        return tuple(map(_plain, value.items()))
    if isinstance(value, (list, tuple, set)):
        return tuple(map(_plain, value))
    return _identity(value) if callable(value) else None


def _identity(thing: Any) -> Any:
    """What tells an object from another: a weak reference if possible, as ids are used again."""
    try:
        return hash(ref(thing)), ref(thing)
    except TypeError:
        return id(thing)


def _measurement(model: Any, loss: Any) -> Callable[..., dict[str, Any]]:
    """The function of x and y that is measured; it does not keep the model alive."""
    import tensorflow as tf  # only now is it certain that Keras runs on it

    reference, judge = ref(model), None
    names = getattr(model, "output_names", None)
    if loss is not None:  # computed by an empty model
        judge = keras.Sequential(name="judge")  # or it would use up a name that Keras counts
        judge.output_names = names
        judge.compile(loss=loss)

    def measure(x: Any, y: Any) -> dict[str, Any]:
        model: Any = reference()
        layers = recurrent_layers(model)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            with probed(layers, tape) as (probes, calls):
                y_pred = _prediction(model, x)
            if idle := [name for name in layers if name not in calls]:
                raise ValueError(
                    f"expected the model to call every recurrent layer, but not {idle}: unused, "
                    "looping in a `call` of its own, or in a tf.function that was traced before"
                )
            if loss is None and _lacks_loss(model):
                raise ValueError(
                    "expected a loss, got none from compile or add_loss: give it as loss= to "
                    "gradient_flow or GradientFlowCallback"
                )
            named = names or range(len(keras.tree.flatten(y_pred)))
            _check_targets(y, y_pred, model.loss if loss is None else loss, named)
            compute_loss = (judge or model).compute_loss
            value = compute_loss(x=x, y=y, y_pred=y_pred, training=False)
        gradients: dict[str, Any] = tape.gradient(value, probes, unconnected_gradients="zero")
        return gradients

    return measure


def _prediction(model: Any, x: Any) -> Any:
    try:
        return model(x, training=False)
    except Exception as error:  # Keras shows at most the input of the layer that failed
        shapes = [tuple(array.shape) for array in keras.tree.flatten(x)]
        error.add_note(f"gradient_flow called {model.name!r} with x of shape {shapes}")
        raise


def _lacks_loss(model: Any) -> bool:
    own = type(model).compute_loss is not keras.Model.compute_loss
    return model.loss is None and not own and not model.losses


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


def _checked_arrays(model: Any, layers: Iterable[Any], x: Any, y: Any) -> tuple[Any, Any]:
    """Inputs and targets as arrays whose shapes fit the model and whose values are finite."""
    # As `fit` has them, unless layers are more precise.
    types = keras.config.floatx(), *(layer.compute_dtype for layer in layers)
    floats = keras.backend.result_type(*types)
    # A subclassed model has no `inputs`: what it takes is known only to its `call`.
    inputs = getattr(model, "inputs", None) or []
    x = _as_arrays("x", x, len(inputs))
    if isinstance(x, dict) and isinstance(getattr(model, "_inputs_struct", None), (list, tuple)):
        names = [tensor.name for tensor in inputs]
        if not set(names) <= set(x):
            raise ValueError(f"expected x for the inputs {names}, got it for {list(x)}")
        x = [x[name] for name in names]
    expected = [tensor.shape for tensor in inputs]
    got = [array.shape for array in keras.tree.flatten(x)]
    if any(0 in shape for shape in got) or (expected and not _fit(got, expected)):
        raise ValueError(f"expected x of shape {expected} with no empty axis, got {got}")
    texts = [keras.backend.standardize_dtype(tensor.dtype) == "string" for tensor in inputs]
    parts = zip(keras.tree.flatten(x), texts or [False] * len(got), strict=True)
    arrays = [array if text else _as_numbers("x", array, floats) for array, text in parts]
    x = keras.tree.pack_sequence_as(x, arrays)
    if y is None:
        return x, None
    y = _as_arrays("y", y, len(getattr(model, "outputs", None) or []))
    targets = [array.shape for array in keras.tree.flatten(y) if array is not None]
    if not targets or any(shape[:1] != got[0][:1] for shape in targets):
        raise ValueError(
            f"expected y with one target for each of the {got[0][0]} sequences of x, "
            f"got shape {targets}"
        )
    return x, keras.tree.map_structure(
        lambda array: None if array is None else _as_numbers("y", array, floats), y
    )


def _as_arrays(name: str, data: Any, parts: int) -> Any:
    """Lists of numbers as arrays, one for each of the `parts`; other structures are kept."""
    if isinstance(data, dict):
        return {key: _as_arrays(name, part, 1) for key, part in data.items()}
    plain = isinstance(data, (list, tuple)) and any(
        np.isscalar(leaf) for leaf in keras.tree.flatten(data)
    )

    def as_array(part: Any) -> Any:  # y may lack that of an output without a loss
        return None if part is None and name == "y" else np.asarray(part)

    try:
        if plain and parts > 1:
            return [as_array(part) for part in data]
        arrays = as_array(data) if plain else keras.tree.map_structure(as_array, data)
    except ValueError as error:
        raise ValueError(
            f"expected {name} with sequences of one length, padded and masked: {error}"
        ) from None
    for array in keras.tree.flatten(arrays):
        if array is not None and array.shape == () and array.dtype == object:
            kind = type(array.item()).__name__
            raise ValueError(
                f"expected {name} as arrays of one batch, such as one `next(iter(dataset))` gives, "
                f"got {kind}{': pad and mask it' if kind == 'RaggedTensor' else ''}"
            )
    return arrays


def _as_numbers(name: str, array: np.ndarray, floats: str) -> np.ndarray:
    """The array, its floating-point numbers of the given type."""
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ValueError(f"expected numbers in {name}, got values of type {array.dtype}")
    if "float" in array.dtype.name:
        array = array.astype(floats)
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite values in {name}, got NaN or infinity")
    return array


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
    if judged and isinstance(y, dict) and not keras.tree.is_nested(y_pred):
        raise ValueError(f"expected y as an array for the only output, got it for {list(y)}")
    if isinstance(y, dict) and not set(judged) <= set(y) <= set(outputs):
        raise ValueError(f"expected y for the outputs {judged}, got it for {list(y)}")
    for name in filter(targets.__contains__, judged):
        parts = targets[name], outputs[name], losses[name]
        if targets[name] is None:
            raise ValueError(f"expected y for the outputs {judged}, got None for {name!r}")
        if not any(map(keras.tree.is_nested, parts)):
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
