"""Zeros added to the states of a Keras model's recurrent layers, to differentiate by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any

from unrolled.backend import keras


def recurrent_layers(model: Any) -> dict[str, Any]:
    """Every layer of a model that loops over time.

    Parameters
    ----------
    model : keras.Model
        Any built model.

    Returns
    -------
    dict of str to keras.layers.RNN
        By name; a layer within a Bidirectional has the name of that before its own, and layers of
        one name in different inner models have the names of these before it.

    Raises
    ------
    ValueError
        If two in one model have one name, one has a loop of its own in place of that of Keras, or
        one stands in a TimeDistributed, which runs it once for all slices.

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
        if isinstance(wrapper, keras.layers.TimeDistributed):
            for layer in wrapper._flatten_layers():
                if isinstance(layer, keras.layers.RNN):
                    raise ValueError(
                        f"expected {layer.name!r} to run by itself, not within {wrapper.name!r}"
                    )
    # Keras lists the parts of a layer in reverse.
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    layers.sort(key=lambda layer: bool(layer.go_backwards and id(layer) in prefix))
    names = [prefix.get(id(layer), "") + layer.name for layer in layers]
    named: dict[str, Any] = {}
    for layer, name in zip(layers, names, strict=True):
        if names.count(name) > 1:
            name = path.get(id(layer), "") + name
        if name in named:
            raise ValueError(f"expected recurrent layers of different names, got two {name!r}")
        if not type(layer).inner_loop.__module__.startswith("keras."):
            kind = type(layer).__name__
            raise ValueError(f"expected the loop of Keras, but {name!r} of type {kind} has its own")
        named[name] = layer
    return named


@contextmanager
def probed(layers: dict[str, Any], tape: Any) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """While this lasts, a zero that `tape` watches is added to every state at every step.

    The derivative of a loss by such a zero is the derivative by the state.

    Parameters
    ----------
    layers : dict of str to keras.layers.RNN
        What `recurrent_layers` returns.
    tape : tf.GradientTape
        The tape that is recording.

    Yields
    ------
    dict of str to tf.Tensor of shape (time, batch, units)
        The zeros by name of state, in the order of reading; filled as layers are called.
    dict of str to int
        The number of calls by name of layer.
    """
    import tensorflow as tf

    probes: dict[str, Any] = {}
    calls: dict[str, int] = {}
    graph = tf.compat.v1.get_default_graph()

    def watch(name: str, layer: Any, states: list[list[Any]], time: Any) -> list[list[Any]]:
        """Zeros for all steps of the states of each cell, under their names."""
        if tf.compat.v1.get_default_graph() is not graph:
            raise ValueError(f"expected {name!r} to run by itself, not within another function")
        calls[name] = calls.get(name, 0) + 1
        call = f"{name}#{calls[name]}" if calls[name] > 1 else name
        zeros = [
            [tf.zeros(tf.concat([[time], tf.shape(s)], 0), s.dtype) for s in of_cell]
            for of_cell in states
        ]
        names = _state_names(call, layer, states)
        for key, zero in zip(names, chain(*zeros), strict=True):
            if zero.dtype.is_floating:
                tape.watch(zero)
                probes[key] = zero
        return zeros

    try:
        for name, layer in layers.items():
            # Through vars(layer): Keras tracks what is set as an attribute.
            vars(layer)["inner_loop"] = _probing_loop(layer, partial(watch, name, layer))
        yield probes, calls
    finally:
        for layer in layers.values():
            vars(layer).pop("inner_loop", None)


def cells_of(layer: Any) -> list[Any]:
    """The cell of a recurrent layer, or those of its stack; any object that Keras can call."""
    return layer.cell.cells if _is_stack(layer) else [layer.cell]


def _is_stack(layer: Any) -> bool:
    return isinstance(layer.cell, keras.layers.StackedRNNCells)


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


def _probing_loop(layer: Any, watch: Callable[..., Any]) -> Callable[..., Any]:
    """Build the layer's `inner_loop` with the zeros that `watch` returns added to its states."""
    import tensorflow as tf

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        structure = initial_state if _is_stack(layer) else [initial_state]
        states = [keras.tree.flatten(of_cell) for of_cell in structure]
        time, batch = tf.shape(sequences)[1], tf.shape(sequences)[0]
        probes = [[_by_step(zero) for zero in of_cell] for of_cell in watch(states, time)]
        if mask is not None:
            mask = tf.cast(tf.reshape(keras.tree.flatten(mask)[0], [batch, time]), bool)
        if layer.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        x = _by_step(_swapped(sequences))
        read = None if mask is None else _by_step(_swapped(mask))
        steps, output, emits = _steps(cells_of(layer), structure, sequences[:, 0], training)

        def body(t: Any, states: list[list[Any]], previous: Any, outputs: Any) -> Any:
            signal, new = x.read(t), []
            reading = None if read is None else read.read(t)
            for step, old, zeros in zip(steps, states, probes, strict=True):
                signal, of_cell = step(signal, old, [zero.read(t) for zero in zeros], reading)
                for state, before in zip(of_cell, old, strict=True):
                    state.set_shape(before.shape)
                new.append(of_cell)
            if not emits and reading is not None:
                signal = tf.where(_like(reading, signal), signal, previous)
            return t + 1, new, signal, outputs.write(t, signal)

        outputs = tf.TensorArray(output.dtype, size=time, element_shape=output.shape)
        start = 0, states, tf.zeros_like(output), outputs
        _, states, _, outputs = tf.while_loop(
            lambda t, *_: t < time, body, start, maximum_iterations=time
        )
        outputs = _swapped(outputs.stack())
        outputs.set_shape([*sequences.shape[:2], *output.shape[1:]])
        if mask is not None:
            # Keras emits zeros until the first step that is read, and then repeats the last output.
            steps_read = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
            shown = mask if layer.zero_output_for_mask else steps_read > 0
            outputs = tf.where(_like(shown, outputs), outputs, tf.zeros_like(outputs))
        states = keras.tree.pack_sequence_as(initial_state, list(chain(*states)))
        return outputs[:, -1], outputs, states

    return inner_loop


def _steps(cells: list[Any], structure: list[Any], x: Any, training: bool) -> Any:
    """One step of each cell as a function, the last output, and whether that is a state."""
    import tensorflow as tf

    steps, emitted = [], None
    for cell, states in zip(cells, structure, strict=True):
        call = partial(_call, cell, states, training)
        x, new = call(x, keras.tree.flatten(states))
        emitted = next((i for i, state in enumerate(new) if state is x), None)
        step = partial(_step, call, emitted)
        if emitted is None and tf.executing_eagerly():
            step = partial(_in_graph, tf.function(step, autograph=False))
        steps.append(step)
    return steps, x, emitted is not None


def _in_graph(step: Any, *arguments: Any) -> Any:
    """The step as a graph, without which tf.gradients fails, also where functions run eagerly."""
    return step.get_concrete_function(*arguments)(*arguments)


def _call(cell: Any, structure: Any, training: bool, x: Any, states: list[Any]) -> Any:
    """The cell's output and new states, these as a flat list."""
    options = {"training": training} if getattr(cell, "_call_has_training_arg", False) else {}
    structure = structure if keras.tree.is_nested(structure) else [structure]
    output, new = cell(x, keras.tree.pack_sequence_as(structure, states), **options)
    return output, keras.tree.flatten(new)


def _step(
    call: Callable[..., Any],
    emitted: int | None,
    x: Any,
    states: list[Any],
    probes: list[Any],
    read: Any,
) -> Any:
    """One step with the probes in the output and in the new states, old ones where not read."""
    import tensorflow as tf

    output, new = call(x, states)
    kept = new
    if read is not None:
        pairs = zip(new, states, strict=True)
        kept = [tf.where(_like(read, state), state, old) for state, old in pairs]
    changed = [
        state + probe if state.dtype.is_floating else state
        for state, probe in zip(kept, probes, strict=True)
    ]
    if emitted is not None:
        return changed[emitted], changed
    return output + _pushed_forward(output, new, probes), changed


def _pushed_forward(output: Any, states: list[Any], probes: list[Any]) -> Any:
    """``J p`` for probes p of the states from which the cell has computed its output.

    J is the derivative of the output by each state with the others held fixed. ``J^T u`` is
    linear in u, so its derivative by u gives the product with J itself.
    """
    import tensorflow as tf

    used = [(s, p) for s, p in zip(states, probes, strict=True) if s.dtype.is_floating]
    states = [state for state, _ in used]
    u = tf.zeros_like(output)
    pulled = tf.gradients(output, states, u, stop_gradients=states)
    pairs = [(back, p) for back, (_, p) in zip(pulled, used, strict=True) if back is not None]
    if not pairs:
        return u
    return tf.gradients([back for back, _ in pairs], u, [probe for _, probe in pairs])[0]


def _swapped(array: Any) -> Any:
    """Swap the axes of batch and time."""
    import tensorflow as tf

    return tf.transpose(array, [1, 0, *range(2, array.shape.rank)])


def _by_step(array: Any) -> Any:
    """A tensor of shape (time, ...) to be read step by step."""
    import tensorflow as tf

    return tf.TensorArray(array.dtype, size=tf.shape(array)[0]).unstack(array)


def _like(mask: Any, array: Any) -> Any:
    """The mask with as many axes as the array."""
    import tensorflow as tf

    ones = [1] * (array.shape.rank - mask.shape.rank)
    return tf.reshape(mask, tf.concat([tf.shape(mask), ones], 0)) if ones else mask
