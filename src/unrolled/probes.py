"""Zeros added to the states of a Keras model's recurrent layers, to differentiate by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial, wraps
from itertools import chain, count
from threading import get_ident
from typing import Any

try:
    import keras
    import tensorflow as tf
except ModuleNotFoundError as error:
    missing = str(error.name).partition(".")[0]
    raise ModuleNotFoundError(
        "expected Keras and TensorFlow: python -m pip install keras tensorflow"
        if missing in ("keras", "tensorflow")
        else "expected the TensorFlow backend of Keras, but KERAS_BACKEND or ~/.keras/keras.json "
        f"names one that needs {missing!r}, which is not installed: set KERAS_BACKEND=tensorflow",
        name=error.name,
    ) from error

__all__ = [
    "Probes",
    "bare_cells",
    "by_path",
    "keras",
    "layer_named",
    "recurrent_layers",
    "replaced",
    "tf",
]


def recurrent_layers(model: Any) -> dict[str, Any]:
    """Every layer of a model that loops over time.

    Parameters
    ----------
    model : keras.Model
        Any built model.

    Returns
    -------
    dict of str to keras.layers.RNN
        By name; a layer within a Bidirectional has the name of that before its own, layers of one
        name in different inner models have the names of these before it, and layers that still
        share a name are numbered: "gru", "gru_1".

    Examples
    --------
    >>> import keras
    >>> both = keras.layers.Bidirectional(keras.layers.GRU(2, name="gru"), name="both")
    >>> list(recurrent_layers(keras.Sequential([keras.Input((None, 3)), both])))
    ['both/forward_gru', 'both/backward_gru']
    """
    prefix: dict[int, str] = {}
    path: dict[int, str] = {}
    for wrapper in model._flatten_layers():
        if isinstance(wrapper, keras.layers.Bidirectional):
            parts = wrapper.forward_layer, wrapper.backward_layer
            prefix |= {id(part): f"{wrapper.name}/" for part in parts}
        if isinstance(wrapper, keras.Model) and wrapper is not model:
            inner = f"{path.get(id(wrapper), '')}{wrapper.name}/"
            path |= {id(part): inner for part in wrapper._flatten_layers(include_self=False)}
    # Keras lists the parts of a layer in reverse.
    layers = _loops_within(model)
    layers.sort(key=lambda layer: bool(layer.go_backwards and id(layer) in prefix))
    names = [prefix.get(id(layer), "") + layer.name for layer in layers]
    named: dict[str, Any] = {}
    for layer, name in zip(layers, names, strict=True):
        if names.count(name) > 1:
            name = path.get(id(layer), "") + name
        named[unused(name, named)] = layer
    return named


def layer_named(key: str, layers: Collection[str]) -> str | None:
    """The name of the layer that a key of a `Flow` belongs to, such as "lstm" of "lstm/c"."""
    if not isinstance(key, str):
        such = next(iter(layers), "lstm")
        raise ValueError(f"expected the name of a layer, such as {such!r}, got {key}")
    plain = key.partition("#")[0] + "/"
    return max((name for name in layers if plain.startswith(f"{name}/")), key=len, default=None)


def _loops_within(layer: Any) -> list[Any]:
    """The recurrent layers that a layer holds, or is."""
    return [part for part in layer._flatten_layers() if isinstance(part, keras.layers.RNN)]


def unused(name: str, taken: Collection[str]) -> str:
    """The name, or the first of "name_1", "name_2", ... that is not taken."""
    numbered = (f"{name}_{number}" for number in count(1))
    return next(free for free in chain([name], numbered) if free not in taken)


class Probes:
    """Zeros that are added to the states of recurrent layers while a model runs.

    The derivative of the loss with respect to such a zero is that with respect to the state.

    Parameters
    ----------
    layers : dict of str to keras.layers.RNN
        What `recurrent_layers` returns.
    wanted : collection of str, optional
        Names of the layers to measure; by default all, and those too that the model calls but does
        not hold, as in a Lambda.
    weights : dict of str to keras.Variable, optional
        Weights by path. If given, zeros are added to the weights of cells as well.
    sums : dict of str to tf.Tensor, optional
        For each weight W of a cell the sum over the steps of dL/dW_t. Without it, one zero is added
        to W at all steps, the gradient of which is that sum; with it, the sum times a zero of each
        step, the gradient of which is the product of dL/dW_t with the sum. A multiple of it will
        do, in float32 at least, so that the products neither over- nor underflow.

    Attributes
    ----------
    zeros : dict of str to dict of str to tf.Tensor
        Those of the "states", of shape (time, batch, ...), by name of state; of the "sums", by
        path of weight; and of the "products", of shape (time,), a list by path of weight, with one
        for each call that uses it.
    calls : dict of str to list of str
        Names of the states for each call of a layer.
    backward : set of str
        Names of the states of layers that read their last input first.
    left_out : dict of str to str
        Why a layer could not be measured, by its name.
    """

    def __init__(
        self, layers: dict[str, Any], wanted: Any = None, weights: Any = None, sums: Any = None
    ) -> None:
        self.layers, self.wanted, self.weights, self.sums = dict(layers), wanted, weights, sums
        self.zeros: dict[str, dict[str, Any]] = {"states": {}, "sums": {}, "products": {}}
        self.calls: dict[str, list[str]] = {}
        self.backward: set[str] = set()
        self.left_out: dict[str, str] = {}
        self._counts: Counter[str] = Counter()  # calls of each layer
        self._running = False

    @contextmanager
    def in_place(self, tape: Any) -> Iterator[None]:
        """While this lasts, and in this thread, layers of Keras add zeros that `tape` watches."""
        self._tape, self._graph = tape, tf.compat.v1.get_default_graph()
        with ExitStack() as stack:
            for kind in (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU):
                stack.enter_context(replaced(kind, "inner_loop", self._loop))
            stack.enter_context(replaced(keras.layers.TimeDistributed, "call", self._slices))
            yield
        for name in filter(self._wants, self.layers):
            if name not in self._counts:
                why = "is not called, or loops in a `call` or a tf.function of its own"
                self.left_out.setdefault(name, why)

    def _wants(self, name: str) -> bool:
        return self.wanted is None or name in self.wanted

    def _name(self, layer: Any) -> str:
        """The name of a layer, which is given one if the model does not hold it."""
        for name, known in self.layers.items():
            if layer is known:
                return name
        self.layers[(name := unused(layer.name, self.layers))] = layer
        return name

    def _loop(
        self,
        loop: Any,
        layer: Any,
        sequences: Any,
        initial_state: Any,
        mask: Any,
        training: Any = False,
    ) -> Any:
        """Stands in for `inner_loop`."""
        name, graph = self._name(layer), tf.compat.v1.get_default_graph()
        if self._wants(name) and not type(layer).inner_loop.__module__.startswith("keras."):
            self.left_out[name] = "has a loop of its own in place of that of Keras"
        elif self._wants(name) and (self._running or graph is not self._graph):
            self.left_out[name] = "runs within another loop, or within a function"
        if name in self.left_out or not self._wants(name):
            return loop(layer, sequences, initial_state, mask, training)
        self._running = True
        before = {kind: dict(zeros) for kind, zeros in self.zeros.items()}, dict(self.calls)
        try:
            return self._probing_loop(name, layer, sequences, initial_state, mask, training)
        except _NoSecondDerivative:
            self.zeros, self.calls = before
            self.left_out[name] = "emits through an operation without a second derivative"
            return loop(layer, sequences, initial_state, mask, training)
        finally:
            self._running = False

    def _slices(
        self, call: Any, wrapper: Any, inputs: Any, training: Any = None, mask: Any = None
    ) -> Any:
        """Stands in for `call` of TimeDistributed: where it holds loops, all slices are a batch."""
        loops = {self._name(layer): layer for layer in _loops_within(wrapper)}
        for name in filter(self._wants, loops):
            if loops[name].stateful:
                self.left_out[name] = f"carries its state from slice to slice of {wrapper.name!r}"
        if not any(map(self._wants, loops)) or self.left_out.keys() & loops:
            return call(wrapper, inputs, training=training, mask=mask)
        slices, options = tf.shape(inputs)[:2], {}
        if wrapper.layer._call_has_training_arg:
            options["training"] = training
        if wrapper.layer._call_has_mask_arg and mask is not None:
            options["mask"] = _reshaped(mask, 2, [tf.reduce_prod(slices)], [None])
        batch = _reshaped(inputs, 2, [tf.reduce_prod(slices)], [None])
        return _reshaped(wrapper.layer.call(batch, **options), 1, slices, inputs.shape[:2])

    def _probing_loop(
        self, name: str, layer: Any, sequences: Any, initial_state: Any, mask: Any, training: Any
    ) -> Any:
        """The layer's loop, with zeros added to its states."""
        structure = initial_state if _is_stack(layer) else [initial_state]
        states = [keras.tree.flatten(of_cell) for of_cell in structure]
        time, batch = tf.shape(sequences)[1], tf.shape(sequences)[0]
        if mask is not None:
            mask = tf.cast(tf.reshape(keras.tree.flatten(mask)[0], [batch, time]), bool)
        if layer.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        variables, by_weight, weights_of = self._weights(layer, time)
        cells = zip(cells_of(layer), structure, strict=True)
        steps, output, emits = _steps(cells, training, variables, sequences[:, 0])
        read = [] if mask is None else [_swapped(mask)]
        arrays = _swapped(sequences), read, self._states(name, layer, states, time), by_weight

        def step(now: Any, states: Any, previous: Any) -> tuple[Any, Any]:
            (signal, read, zeros, added), new = now, []
            reading, weights = next(iter(read), None), weights_of(added)
            for one, old, of_cell in zip(steps, states, zeros, strict=True):
                signal, changed = one(signal, old, of_cell, reading, weights)
                for state, before in zip(changed, old, strict=True):
                    state.set_shape(before.shape)
                new.append(changed)
            return new, signal if emits else _where(reading, signal, previous)

        states, outputs = _looped(step, arrays, states, output)
        outputs.set_shape([*sequences.shape[:2], *output.shape[1:]])
        if mask is not None:
            # Keras emits zeros until the first step that is read, and then repeats the last output.
            shown = mask if layer.zero_output_for_mask else tf.cumsum(tf.cast(mask, "int32"), 1) > 0
            outputs = _where(shown, outputs, tf.zeros_like(outputs))
        states = keras.tree.pack_sequence_as(initial_state, list(chain(*states)))
        return outputs[:, -1], outputs, states

    def _states(self, name: str, layer: Any, states: list[list[Any]], time: Any) -> Any:
        """Zeros for all steps of the states of each cell, watched under their names."""
        self._counts[name] += 1
        call = f"{name}#{self._counts[name]}" if self._counts[name] > 1 else name
        zeros = [
            [tf.zeros(tf.concat([[time], tf.shape(s)], 0), s.dtype) for s in of_cell]
            for of_cell in states
        ]
        named = dict(zip(_state_names(call, layer, states), chain(*zeros), strict=True))
        named = {key: zero for key, zero in named.items() if zero.dtype.is_floating}
        self._watch("states", named)
        self.calls[call] = list(named)
        self.backward.update(named if layer.go_backwards else [])
        return zeros

    def _weights(self, layer: Any, time: Any) -> tuple[list[Any], list[Any], Callable[..., Any]]:
        """Weights of the cells; zeros by step; and what makes the weights of a step from these."""
        if self.weights is None:
            return [], [], list
        found = chain(*(getattr(cell, "trainable_variables", []) for cell in cells_of(layer)))
        variables = {id(variable): variable for variable in found}
        self.weights = by_path([*self.weights.values(), *variables.values()])
        held = {name: v for name, v in self.weights.items() if id(v) in variables}
        values = {name: tf.convert_to_tensor(v.value) for name, v in held.items()}
        if self.sums is None:
            zeros = {n: self.zeros["sums"].get(n, tf.zeros_like(v)) for n, v in values.items()}
            self._watch("sums", zeros)
            same = [value + zeros[name] for name, value in values.items()]
            return list(held.values()), [], lambda _: same
        steps = [tf.zeros([time], self.sums[name].dtype) for name in values]
        for name, step in zip(values, steps, strict=True):
            self._watch("products", {name: [*self.zeros["products"].get(name, []), step]})
        along = [(value, self.sums[name]) for name, value in values.items()]

        def moved(by: list[Any]) -> list[Any]:
            pairs = zip(along, by, strict=True)
            return [v + tf.cast(step * direction, v.dtype) for (v, direction), step in pairs]

        return list(held.values()), steps, moved

    def _watch(self, kind: str, zeros: dict[str, Any]) -> None:
        self._tape.watch(keras.tree.flatten(zeros))
        self.zeros[kind] |= zeros


def _looped(step: Callable[..., Any], arrays: Any, states: Any, output: Any) -> tuple[Any, Any]:
    """Take a step for each entry of arrays of shape (time, ...): the last states, all outputs.

    The entries are popped from lists and the outputs pushed to one, since the gradients of these
    are to push and to pop, in a time that does not depend on how many there are. That of reading
    an entry from an array takes as long as there are steps.
    """
    flat = keras.tree.flatten(arrays)

    def body(t: Any, rests: list[Any], states: Any, previous: Any, outputs: Any) -> Any:
        popped = [_popped(rest, array) for rest, array in zip(rests, flat, strict=True)]
        now = keras.tree.pack_sequence_as(arrays, [entry for _, entry in popped])
        states, signal = step(now, states, previous)
        outputs = tf.raw_ops.TensorListPushBack(input_handle=outputs, tensor=signal)
        return t + 1, [rest for rest, _ in popped], states, signal, outputs

    entry = {"element_shape": tf.shape(output), "element_dtype": output.dtype}
    lists = [
        tf.raw_ops.TensorListFromTensor(tensor=tf.reverse(a, [0]), element_shape=tf.shape(a)[1:])
        for a in flat
    ]
    start = 0, lists, states, tf.zeros_like(output)
    outputs = tf.raw_ops.EmptyTensorList(**entry, max_num_elements=-1)
    _, _, states, _, outputs = tf.while_loop(
        lambda t, *_: t < tf.shape(flat[0])[0], body, (*start, outputs)
    )
    outputs = tf.raw_ops.TensorListStack(input_handle=outputs, **entry)
    outputs.set_shape([None, *output.shape])
    return states, _swapped(outputs)


def _popped(rest: Any, array: Any) -> tuple[Any, Any]:
    """The rest of the list of an array's entries, and the next of them."""
    rest, entry = tf.raw_ops.TensorListPopBack(
        input_handle=rest, element_shape=tf.shape(array)[1:], element_dtype=array.dtype
    )
    entry.set_shape(array.shape[1:])
    return rest, entry


def by_path(variables: Iterable[Any]) -> dict[str, Any]:
    """Variables by path, each once and in their order; those of one path are numbered."""
    named: dict[str, Any] = {}
    for variable in {id(variable): variable for variable in variables}.values():
        named[unused(variable.path, named)] = variable
    return named


def bare_cells(model: Any) -> list[str]:
    """Names of the cells that no recurrent layer of the model runs."""
    owned = {id(part) for layer in _loops_within(model) for part in layer._flatten_layers()}
    cells = [layer for layer in model._flatten_layers() if hasattr(layer, "state_size")]
    return [cell.name for cell in cells if id(cell) not in owned]


def cells_of(layer: Any) -> list[Any]:
    """The cell of a recurrent layer, or those of its stack; any object that Keras can call."""
    return layer.cell.cells if _is_stack(layer) else [layer.cell]


def _is_stack(layer: Any) -> bool:
    return isinstance(layer.cell, keras.layers.StackedRNNCells)


@contextmanager
def replaced(kind: Any, name: str, new: Callable[..., Any]) -> Iterator[None]:
    """While this lasts, and in this thread, `new` is called in place of a method, which it gets."""
    old, owner = vars(kind)[name], get_ident()

    @wraps(old)
    def method(*arguments: Any, **options: Any) -> Any:
        if get_ident() == owner:
            return new(old, *arguments, **options)
        return old(*arguments, **options)

    setattr(kind, name, method)
    try:
        yield
    finally:
        setattr(kind, name, old)


def _state_names(name: str, layer: Any, states: list[list[Any]]) -> Iterator[str]:
    """Name each state of each cell: "lstm", "lstm/c"; "rnn", "rnn/1", "rnn/2"; "rnn/gru_cell"."""
    cells = cells_of(layer)
    kinds = [getattr(cell, "name", type(cell).__name__) for cell in cells]
    for i, (cell, kind, of_cell) in enumerate(zip(cells, kinds, states, strict=True)):
        part = name
        if _is_stack(layer):
            part += f"/{kind}" if kinds.count(kind) == 1 else f"/{kind}_{i}"
        # Keras exports that of the convolutional layers by no name.
        kin = [base for base in type(cell).__mro__ if base.__module__.startswith("keras.")]
        is_lstm = len(of_cell) == 2 and any("LSTM" in base.__name__ for base in kin)
        yield part
        yield from (f"{part}/c" if is_lstm else f"{part}/{j}" for j in range(1, len(of_cell)))


def _steps(cells: Iterable[Any], training: bool, variables: list[Any], x: Any) -> Any:
    """One step of each cell as a function, the last output, and whether that is a state."""
    steps, emitted = [], None
    for cell, structure in cells:
        call = partial(_call, cell, structure, training, variables)
        x, new = call(x, keras.tree.flatten(structure), [])
        emitted = next((i for i, state in enumerate(new) if state is x), None)
        step = partial(_step, call, emitted)
        if emitted is None and tf.executing_eagerly():
            step = partial(_in_graph, tf.function(step, autograph=False))
        steps.append(step)
    return steps, x, emitted is not None


def _in_graph(step: Any, *arguments: Any) -> Any:
    """The step as a graph, without which tf.gradients fails, also where functions run eagerly."""
    return step.get_concrete_function(*arguments)(*arguments)


def _call(
    cell: Any, structure: Any, training: Any, variables: Any, x: Any, states: Any, weights: Any
) -> tuple[Any, list[Any]]:
    """The cell's output and new states, these as a flat list, with weights in place of its own."""
    options = {"training": training} if getattr(cell, "_call_has_training_arg", False) else {}
    structure = structure if keras.tree.is_nested(structure) else [structure]
    pairs = zip(variables, weights, strict=True) if weights else []
    with keras.StatelessScope(pairs) if weights else nullcontext():
        output, new = cell(x, keras.tree.pack_sequence_as(structure, states), **options)
    return output, keras.tree.flatten(new)


def _step(
    call: Any, emitted: int | None, x: Any, states: Any, zeros: Any, read: Any, weights: Any
) -> Any:
    """One step with zeros added to the output and the new states, old ones where not read."""
    output, new = call(x, states, weights)
    kept = [_where(read, state, old) for state, old in zip(new, states, strict=True)]
    changed = [
        state + zero if state.dtype.is_floating else state
        for state, zero in zip(kept, zeros, strict=True)
    ]
    if emitted is not None:
        return changed[emitted], changed
    return output + _pushed_forward(output, new, zeros), changed


class _NoSecondDerivative(Exception):
    """The output of a cell cannot be differentiated twice."""


def _pushed_forward(output: Any, states: list[Any], zeros: list[Any]) -> Any:
    """``J z`` for zeros z added to the states from which the cell has computed its output.

    J is the derivative of the output with respect to each state with the others held fixed.
    ``J^T u`` is linear in u, so that its derivative with respect to u gives the product with J.
    """
    used = [(s, z) for s, z in zip(states, zeros, strict=True) if s.dtype.is_floating]
    states = [state for state, _ in used]
    u = tf.zeros_like(output)
    pulled = tf.gradients(output, states, u, stop_gradients=states)
    pairs = [(back, z) for back, (_, z) in zip(pulled, used, strict=True) if back is not None]
    if not pairs:
        return u
    try:
        return tf.gradients([back for back, _ in pairs], u, [zero for _, zero in pairs])[0]
    except (LookupError, ValueError) as error:
        raise _NoSecondDerivative from error


def _swapped(array: Any) -> Any:
    """Swap the axes of batch and time."""
    return tf.transpose(array, [1, 0, *range(2, array.shape.rank)])


def _where(read: Any, new: Any, old: Any) -> Any:
    """The new values where the mask says that they are read, and the old ones elsewhere."""
    if read is None:
        return new
    ones = [1] * (new.shape.rank - read.shape.rank)
    return tf.where(tf.reshape(read, tf.concat([tf.shape(read), ones], 0)), new, old)


def _reshaped(array: Any, axes: int, sizes: Any, static: Any) -> Any:
    """The array with other sizes in place of its first axes."""
    new = tf.reshape(array, tf.concat([sizes, tf.shape(array)[axes:]], 0))
    new.set_shape([*static, *array.shape[axes:]])
    return new
