"""Measure how much gradient reaches every time step of a Keras model's recurrent layers."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any

import numpy as np

from unrolled.flow import Flow
from unrolled.keras_inputs import as_arrays, as_tensors, first_batch, unstretched
from unrolled.probes import (
    Probes,
    bare_cells,
    by_path,
    keras,
    layer_named,
    recurrent_layers,
    replaced,
    tf,
)

#: One measurement at a time: each replaces methods of Keras, and restores what a call changes.
_LOCK = RLock()


def gradient_flow(
    model: Any,
    x: Any,
    y: Any = None,
    loss: Any = None,
    *,
    sample_weight: Any = None,
    class_weight: Any = None,
    layers: Collection[str] | None = None,
    weights: bool = False,
) -> Flow:
    """Total gradient of the loss with respect to every state of every recurrent layer.

    Exact: automatic differentiation with respect to the state that the layer carries from step t
    to step t + 1, and emits at step t, so that every path from it to the loss counts. The model
    runs as it does in `predict`, without dropout, and is left as it was.

    Parameters
    ----------
    model : keras.Model
        A built model on the TensorFlow backend with recurrent layers, in any number, stacked,
        nested, shared or within TimeDistributed: SimpleRNN, LSTM, GRU, ConvLSTM, Bidirectional,
        and any cell or stack of cells in `keras.layers.RNN`.
    x : array_like of shape (batch, time, features)
        Input sequences, or whatever structure of arrays the model takes; or a `tf.data.Dataset` or
        `keras.utils.PyDataset`, of which the first batch is measured.
    y : array_like, optional
        Targets, one for each sequence, as `fit` takes them; None if no loss compares them, or in
        place of those of an output without a loss.
    loss : str, keras.losses.Loss or callable, optional
        What `compile` takes. By default the loss that `fit` minimises: the compiled one, with
        every regularizer of the model added. What a `train_step` of your own computes is not seen.
    sample_weight : array_like of shape (batch,) or (batch, time), optional
        Weights of sequences, or of their steps, in the loss, as in `fit`.
    class_weight : dict of int to float, optional
        Weights of classes in the loss, as in `fit`.
    layers : collection of str, optional
        Which recurrent layers to measure: their names, as in the keys of the result, or those of
        layers and models that hold them. By default all.
    weights : bool
        Whether to measure the gradients of the weights as well. This takes about three times as
        long.

    Returns
    -------
    Flow
        A dictionary with the loss in its attribute `loss`. Its arrays are dL/dh_t of shape
        (batch, time, units), by name of layer and in the layer's floating-point type, for
        t = 1..time in the order in which the layer reads its input: last input first where
        ``go_backwards=True``, as in the backward half of a Bidirectional; the attribute `backward`
        has the names of these. Keys are

        - ``"lstm"`` for dL/dh_t of a layer of that name, and ``"lstm/c"`` for dL/dc_t;
        - ``"bidirectional/forward_lstm"`` and ``"bidirectional/backward_lstm"``;
        - ``"rnn/gru_cell"``, ``"rnn/gru_cell_1"`` for the cells of a stack in ``RNN``;
        - ``"rnn"``, ``"rnn/1"``, ... for the states of any other cell, nested ones flattened, in
          the order in which it returns them;
        - ``"encoder/lstm"`` and ``"decoder/lstm"`` if two inner models have a layer of one name,
          and ``"lstm_1"`` for another layer of the same name elsewhere;
        - ``"lstm#2"`` for the second call of a layer that is used twice.

        With ``weights=True``, the attribute `weights` has dL/dW of every trainable weight of the
        model by its path; and `shares` has, for every trainable weight of a measured cell, the
        share ``<dL/dW_t, dL/dW> / |dL/dW|^2`` of each step t, an array of shape (time,). Here
        dL/dW_t is the gradient through the use of W at step t alone, and dL/dW their sum, to which
        what a regularizer adds does not belong. Where a weight is used in two calls, the sum is
        over the steps of both, the second is named ``"path#2"``, and the shares of both together
        sum to 1.

    Raises
    ------
    ValueError
        If Keras does not run on TensorFlow; if the model is not built, or none of its recurrent
        layers, or not all of those in `layers`, can be measured; if there is no loss, or it
        depends on none of the states; if an array has the wrong shape or type, is empty or is not
        finite; if the loss would stretch targets over an output of another shape.

    Warns
    -----
    UserWarning
        If a layer is left out because it is not called, has a loop of its own, or runs within
        another loop or function; and if the gradient of a layer is zero because nothing that can
        be differentiated connects it with the loss.

    Notes
    -----
    The reduction is that of the loss. Keras losses average over the batch (and over time, if the
    model predicts at every step), so that the gradients of one sequence scale as ``1 / batch``.
    A Keras loss computes in ``keras.config.floatx()`` unless it is given a ``dtype``. Data are
    cast as in `fit`: floating-point numbers to ``keras.config.floatx()``, unless a recurrent layer
    is more precise.

    The state of an LSTM is the vector (h, c), and the two arrays are the two parts of its
    gradient: dL/dh_t holds c_t fixed and dL/dc_t holds h_t fixed; paths through later states
    count. In the same way each state of any cell holds its others fixed. The cells of a stack
    feed one another within a step, and those paths count, as between layers.

    Where a mask skips step t, the state is carried on unchanged, and its gradient is what reaches
    the state after step t, whichever step computed it. A stateful layer starts from the state
    that it holds, and holds the same one afterwards. A layer within TimeDistributed runs on all
    slices as one batch of batch * slices sequences: ``gradient.reshape(batch, slices, time, -1)``
    tells them apart.

    Seeds that the loss holds, and the generator that random operations of Keras without a seed
    draw from, move on as they do in `predict`.

    Each call compiles a graph, which takes about as long as the first step of training. To measure
    one model many times, make a `GradientFlow`, which compiles it once.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled.models import many_to_one
    >>> model = many_to_one("LSTM", units=4, seed=0)
    >>> flow = gradient_flow(model, np.ones((2, 7, 1)), np.array([0, 1]))
    >>> {name: gradient.shape for name, gradient in flow.items()}
    {'lstm': (2, 7, 4), 'lstm/c': (2, 7, 4)}
    """
    measure = GradientFlow(model, loss, layers=layers, weights=weights)
    return measure(x, y, sample_weight=sample_weight, class_weight=class_weight)


class GradientFlow:
    """Measure the gradient flow of one model as often as you like.

    ``measure(x, y=None, *, sample_weight=None, class_weight=None)`` returns a `Flow`, as
    `gradient_flow` does. The first call compiles a graph, and each later one costs about as much as
    a step of training, at any length of the sequences. What a layer or a loss reads from Python,
    such as an attribute of the model, is read when the graph is made, as in `fit`; a model that is
    compiled once more is noticed, but not that layers were added to it or taken away. With
    ``model.run_eagerly = True`` nothing is compiled.

    Copies, also those made by pickle, compile graphs of their own. Threads may share a
    `GradientFlow` and a model; they wait for one another.

    Parameters
    ----------
    model, loss, layers, weights
        As for `gradient_flow`.

    Raises
    ------
    ValueError
        As for `gradient_flow`, some of it when the first batch is measured.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled.models import many_to_one
    >>> measure = GradientFlow(many_to_one("GRU", units=4, seed=0), weights=True)
    >>> x, y = np.ones((2, 7, 1)), np.array([0, 1])
    >>> flow = measure(x, y)
    >>> flow["gru"].shape, round(flow.loss, 1)
    ((2, 7, 4), 0.7)
    >>> path = measure.model.get_layer("gru").cell.recurrent_kernel.path
    >>> flow.weights[path].shape, flow.shares[path].shape
    ((4, 12), (7,))
    >>> float(round(flow.shares[path].sum(), 6))
    1.0
    """

    def __init__(
        self, model: Any, loss: Any = None, *, layers: Any = None, weights: bool = False
    ) -> None:
        _check(model, built=True)
        self.model, self.loss, self.weights = model, loss, weights
        self.layers = None if layers is None else _names(layers)
        self._forget()

    def _forget(self) -> None:
        self._compiled_loss = vars(self.model).get("_compile_loss")
        self._judge = self.model
        if self.loss is not None:  # computed by an empty model
            self._judge = keras.Sequential(name="judge")  # or it would use up a counted name
            self._judge.output_names = getattr(self.model, "output_names", None)
            self._judge.compile(None, self.loss)
        self._graph = tf.function(self._run, autograph=False, reduce_retracing=True)
        self._warnings: list[str] = []
        self._backward: frozenset[str] = frozenset()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def __call__(
        self, x: Any, y: Any = None, *, sample_weight: Any = None, class_weight: Any = None
    ) -> Flow:
        """Measure one batch; see `gradient_flow`."""
        if tf.inside_function():
            raise ValueError("expected to measure outside of a tf.function, got a call within one")
        model = self.model
        if self.loss is None and not model.compiled:
            raise ValueError("expected a compiled model or a loss, got neither")
        layers = recurrent_layers(model).values()
        data = as_tensors(model, layers, *first_batch(x, y, sample_weight), class_weight)
        if data[1] is None and (self.loss is not None or model.loss is not None):
            raise ValueError("expected y, which the loss compares with the output, got None")
        with _LOCK:
            if vars(model).get("_compile_loss") is not self._compiled_loss:
                self._forget()  # the model has been compiled once more
            found = self._found(layers, *data, None)
            if self.weights:
                along = keras.tree.map_structure(_scaled, found["sums"])
                found["products"] = self._found(layers, *data, along)["products"]
            said, self._warnings = self._warnings, []  # once for each graph
        for words in said:
            warnings.warn(words, stacklevel=2)
        found = keras.tree.map_structure(np.asarray, found)
        return Flow(
            {name: _batch_first(gradient) for name, gradient in found["states"].items()},
            loss=float(found["loss"]),
            backward=self._backward,
            weights=found["weights"],
            shares=_shares(found["products"]),
        )

    def _found(self, layers: Iterable[Any], *data: Any) -> dict[str, Any]:
        with _unscaled(), _unchanged(self.model, layers):
            # Called itself, the function would complain if many of them are each called once.
            run = self._run if self.model.run_eagerly else self._graph.get_concrete_function(*data)
            found: dict[str, Any] = run(*data)
            return found

    def _run(self, x: Any, y: Any, sample_weight: Any, sums: Any) -> dict[str, Any]:
        """The loss and its gradients; with time as the first axis if with respect to states."""
        layers = recurrent_layers(self.model)
        weights = by_path(self.model.trainable_variables if self.weights else [])
        local = self.model.distribute_strategy.experimental_local_results
        values = {name: local(weight.value)[0] for name, weight in weights.items()}
        wanted = _asked(self.model, layers, self.layers)
        probes = Probes(layers, wanted, dict(weights) if self.weights else None, sums)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(values.values()))
            with _noted("gradient_flow called the model with x: {}", x), probes.in_place(tape):
                y_pred = self.model(x, training=False)
            said = _left_out(self.model, probes)
            loss = tf.reduce_sum(self._loss(x, y, y_pred, sample_weight))
        sources = {**probes.zeros, "weights": values}
        found = tape.gradient(loss, sources)
        self._warnings = said + _unconnected(probes.calls, found["states"])
        self._backward = frozenset(probes.backward)
        dense: dict[str, Any] = keras.tree.map_structure(_dense, found, sources)
        return {"loss": loss, **dense}

    def _loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """The loss that `fit` minimises, or the given one in its place."""
        judge = self._judge
        own = type(judge).compute_loss is not keras.Model.compute_loss
        if judge.loss is None and not own and not judge.losses:
            raise ValueError(
                "expected a loss, got none from compile or add_loss: give it as loss= to "
                "gradient_flow or GradientFlowCallback"
            )
        with (
            _noted("output {}, y {}, sample_weight {}, in gradient_flow", y_pred, y, sample_weight),
            nullcontext() if own else replaced(keras.losses.Loss, "__call__", unstretched),
        ):
            return _computed(judge.compute_loss, x, y, y_pred, sample_weight)


def _computed(compute_loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The loss, from a method that takes all that `fit` gives it, or some of it by name."""
    signature = inspect.signature(compute_loss)
    names = signature.parameters
    given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight}
    mode = {"training": False} if "training" in names else {}
    try:
        taken = signature.bind(*given.values(), **mode)
    except TypeError:
        kept = set(given if any(p.kind is p.VAR_KEYWORD for p in names.values()) else names)
        kept |= set() if sample_weight is None else {"sample_weight"}  # not lost in silence
        taken = signature.bind(**{n: v for n, v in given.items() if n in kept}, **mode)
    return compute_loss(*taken.args, **taken.kwargs)


def build(model: Any, x: Any) -> None:
    """Make the weights of a model as the first step of `fit` would, by a call without numbers."""

    def symbol(array: Any) -> Any:
        if array is None:
            return None
        floating = "float" in array.dtype.name
        dtype = keras.config.floatx() if floating else keras.backend.standardize_dtype(array.dtype)
        return keras.KerasTensor((None, *array.shape[1:]), dtype)

    _check(model)
    x, _, _ = first_batch(x)
    model(keras.tree.map_structure(symbol, as_arrays("x", x, 1)))


def _dense(gradient: Any, source: Any) -> Any:
    return tf.zeros_like(source) if gradient is None else tf.convert_to_tensor(gradient)


def _batch_first(gradient: np.ndarray) -> np.ndarray:
    """From (time, batch, ...) to (batch, time, ...units), also where a state is one number."""
    gradient = gradient if gradient.ndim > 2 else gradient[..., None]
    return np.ascontiguousarray(np.moveaxis(gradient, 0, 1))


def _scaled(direction: Any) -> Any:
    """The direction as numbers up to 1: shares are those of any multiple, but may not underflow."""
    wide = tf.cast(direction, keras.backend.result_type(direction.dtype.name, "float32"))
    return tf.math.divide_no_nan(wide, tf.reduce_max(tf.abs(wide)))


def _shares(products: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """The products of dL/dW_t with dL/dW, divided by their sum over the steps of all calls."""
    with np.errstate(invalid="ignore"):  # no share in a gradient of zero
        return {
            f"{path}#{k}" if k > 1 else path: product / sum(p.sum(dtype=float) for p in of_calls)
            for path, of_calls in products.items()
            for k, product in enumerate(of_calls, start=1)
        }


@contextmanager
def _noted(note: str, *data: Any) -> Iterator[None]:
    """Add the shapes of data to an error, since Keras shows at most those of an inner layer."""
    try:
        yield
    except Exception as error:
        shapes = (
            keras.tree.map_structure(lambda a: None if a is None else tuple(a.shape), part)
            for part in data
        )
        error.add_note(note.format(*shapes))
        raise


def _names(layers: Any) -> list[Any]:
    """What was asked for, as a list; an error if that is nothing."""
    one = isinstance(layers, str) or not isinstance(layers, Iterable)
    if not (names := [layers] if one else list(layers)):
        raise ValueError("expected a name in layers, or None for all of them, got none")
    return names


def _asked(model: Any, layers: dict[str, Any], names: list[str] | None) -> list[str] | None:
    """Names of the recurrent layers that have these names, or stand in layers that have them."""
    asked: list[str] = []
    for name in names or []:
        wrappers = [layer for layer in model._flatten_layers() if layer.name == name]
        within = {id(part) for wrapper in wrappers for part in wrapper._flatten_layers()}
        called = layer_named(name, layers)
        found = [key for key, layer in layers.items() if key == called or id(layer) in within]
        if not found:
            raise ValueError(f"expected layers among {list(layers)}, got {name!r}")
        asked += found
    return None if names is None else asked


def _left_out(model: Any, probes: Probes) -> list[str]:
    """What to say of layers that could not be measured; an error if there are no others."""
    reasons = dict(probes.left_out)
    if probes.wanted is None:
        way = "is called outside of a recurrent layer: wrap it in keras.layers.RNN to measure it"
        reasons |= dict.fromkeys(bare_cells(model), way)
    said = [f"{name!r}, which {reason}" for name, reason in reasons.items()]
    if said and (probes.wanted is not None or not probes.calls):
        raise ValueError(f"expected recurrent layers that can be measured, got {'; '.join(said)}")
    if not probes.calls:
        raise ValueError(f"expected a recurrent layer in the model, got none in {model.name!r}")
    return [f"gradient_flow leaves out {one}" for one in said]


def _unconnected(calls: dict[str, list[str]], gradients: dict[str, Any]) -> list[str]:
    """What to say of layers on which the loss does not depend; an error if there are no others."""
    cut = [call for call, names in calls.items() if all(gradients[n] is None for n in names)]
    why = "nothing that can be differentiated connects the loss with"
    if len(cut) == len(calls):
        raise ValueError(
            f"expected a loss that depends on the states of {cut}, but {why} them: look for "
            "stop_gradient, argmax, rounding, a cast to integers, a loss without y_pred, or a "
            "function with a gradient of its own, such as tf.recompute_grad"
        )
    unless = "unless it runs in a function with a gradient of its own, such as tf.recompute_grad"
    return [f"the gradient of {name!r} is zero, since {why} it, {unless}" for name in cut]


@contextmanager
def _unscaled() -> Iterator[None]:
    """Leave the scope of a strategy, in which Keras divides losses by the number of replicas."""
    graph = tf.compat.v1.get_default_graph()
    before = graph._distribution_strategy_stack  # TensorFlow has no public way out
    graph._distribution_strategy_stack = []
    try:
        yield
    finally:
        graph._distribution_strategy_stack = before


@contextmanager
def _unchanged(model: Any, layers: Iterable[Any]) -> Iterator[None]:
    """Put back what a call may change: seeds of dropout, metrics, states kept, losses added."""
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


def _check(model: Any, built: bool = False) -> None:
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"expected the TensorFlow backend, got {keras.backend.backend()!r}")
    if not isinstance(model, keras.Model):
        kind = model if isinstance(model, type) else type(model)
        what = "the class" if kind is model else "an instance of"
        raise ValueError(
            f"expected an instance of keras.Model, got {what} {kind.__module__}.{kind.__qualname__}"
        )
    if type(model).call is keras.Model.call:
        parts = [part.name for part in model._flatten_layers() if isinstance(part, keras.Model)]
        raise ValueError(
            f"expected a model with a `call`, got {model.name!r} without one: measure one of the "
            f"models within it, which are {parts[1:]}"
        )
    if built and not model.built:
        raise ValueError(
            f"expected a built model, got {model.name!r}, which is not: start it with a "
            "keras.Input, or call it once"
        )
