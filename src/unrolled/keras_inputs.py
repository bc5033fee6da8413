"""What a Keras model is given in `fit`, as tensors of one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from unrolled.probes import keras, tf


def first_batch(x: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights: those of the first batch if x is a dataset.

    Parameters
    ----------
    x : array_like, structure of array_like, tf.data.Dataset or keras.utils.PyDataset
        Each batch of a dataset is ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
    y, sample_weight : array_like, optional
        Must not be given if x is a dataset.

    Returns
    -------
    x, y, sample_weight : array_like or None

    Raises
    ------
    ValueError
        If x is an iterator, or a dataset that is empty or comes with other targets.
    """
    kind = type(x).__name__
    if isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)):
        if y is not None or sample_weight is not None:
            raise ValueError(f"expected y and sample_weight within the {kind}, got them apart")
        batch = x[0] if isinstance(x, keras.utils.PyDataset) else next(iter(x), None)
        if batch is None:
            raise ValueError(f"expected a batch in the {kind}, got none")
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    elif isinstance(x, Iterator) or (isinstance(x, Iterable) and not hasattr(x, "__len__")):
        raise ValueError(
            "expected x as arrays, a tf.data.Dataset or a keras.utils.PyDataset, got "
            f"{kind}, which would lose a batch: take one from it with `x, y = next(iter(...))`"
        )
    return x, y, sample_weight


def as_tensors(
    model: Any, layers: Iterable[Any], x: Any, y: Any, sample_weight: Any, class_weight: Any
) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of one batch, cast as by `fit` and checked.

    Parameters
    ----------
    model : keras.Model
        The model that takes them.
    layers : iterable of keras.layers.Layer
        Layers with data as precise as those, where they are more precise than Keras is set to.
    x, y, sample_weight : array_like, or a structure of them
        One entry for each sequence; None in place of what is not there.
    class_weight : dict of int to float, optional
        As in `fit`, in place of `sample_weight`.

    Returns
    -------
    x, y, sample_weight : tf.Tensor, a structure of them, or None

    Raises
    ------
    ValueError
        If an array is empty, has not as many entries as the first, holds neither finite numbers
        nor a text that the model reads, or holds numbers too large for its type.
    """
    # A subclassed model has no `inputs`: what it takes is known only to its `call`.
    inputs, outputs = (getattr(model, name, None) or [] for name in ("inputs", "outputs"))
    reads_text = not inputs or any(str(tensor.dtype) == "string" for tensor in inputs)
    floats = keras.backend.result_type(
        keras.config.floatx(), *(layer.compute_dtype for layer in layers)
    )
    x, y = as_arrays("x", x, len(inputs)), as_arrays("y", y, len(outputs))
    if class_weight is not None:
        sample_weight = _weights_of_classes(y, sample_weight, class_weight)
    data = {"x": x, "y": y, "sample_weight": as_arrays("sample_weight", sample_weight)}
    shapes = _shapes(x)
    if not shapes or any(0 in shape for shape in shapes) or not _feeds(x, inputs):
        wanted = [tuple(tensor.shape) for tensor in inputs] or "any shape"
        raise ValueError(f"expected x of shape {wanted} with no empty axis, got {shapes}")
    for name, part in data.items():
        if any(shape[:1] != shapes[0][:1] for shape in _shapes(part)):
            raise ValueError(
                f"expected {name} with one entry for each of the {shapes[0][0]} sequences of x, "
                f"got shape {_shapes(part)}"
            )
        data[name] = keras.tree.map_structure(
            lambda a, n=name: _tensor(n, a, floats, reads_text and n == "x"), part
        )
    return data["x"], data["y"], data["sample_weight"]


def _shapes(data: Any) -> list[tuple[int, ...]]:
    return [array.shape for array in keras.tree.flatten(data) if array is not None]


def _feeds(x: Any, inputs: list[Any]) -> bool:
    """Whether a model with these inputs takes x, with an axis of size 1 added or taken away."""
    flat = keras.tree.flatten(x)
    if isinstance(x, dict) and {tensor.name for tensor in inputs} <= set(x):
        flat = [x[tensor.name] for tensor in inputs]
    pairs = [(a.shape, t.shape) for a, t in zip(flat, inputs, strict=False) if a is not None]
    return not inputs or (
        len(flat) == len(inputs)
        and all(
            any(
                tf.TensorShape(wanted[1:]).is_compatible_with(shape)
                for shape in (got[1:], (*got[1:], 1), got[1:-1] if got[-1:] == (1,) else got[1:])
            )
            for got, wanted in pairs
        )
    )


def _weights_of_classes(y: Any, sample_weight: Any, class_weight: Any) -> Any:
    from keras.src.trainers.data_adapters import data_adapter_utils  # what `fit` calls

    if sample_weight is not None:
        raise ValueError("expected sample_weight or class_weight, got both")
    if y is None or keras.tree.is_nested(y):
        raise ValueError("expected y of a single output with class_weight, got none or several")
    return data_adapter_utils.class_weight_to_sample_weights(y, class_weight)


def as_arrays(name: str, data: Any, parts: int = 1) -> Any:
    """Lists of numbers as arrays, one for each of the `parts`; other structures are kept."""
    if isinstance(data, dict):
        return {key: as_arrays(name, part) for key, part in data.items()}
    plain = isinstance(data, (list, tuple)) and any(map(np.isscalar, keras.tree.flatten(data)))

    def as_array(part: Any) -> Any:  # an optional input, or the targets of an output without loss
        return None if part is None else np.asarray(part)

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
            hint = ": pad and mask it" if kind == "RaggedTensor" else ""
            raise ValueError(f"expected {name} as arrays of one batch, got {kind}{hint}")
        if array is not None and array.dtype == object and np.ndim(next(iter(array.flat), 0)):
            raise ValueError(
                f"expected {name} with sequences of one length, padded and masked, got an array of "
                f"{len(array)} sequences"
            )
    return arrays


def _tensor(name: str, array: Any, floats: str, reads_text: bool) -> Any:
    """The array, its floating-point numbers of the given type."""
    if array is None:
        return None
    if reads_text and array.dtype.kind in "OSU" and isinstance(array.flat[0], (str, bytes)):
        return tf.convert_to_tensor(array)
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ValueError(f"expected numbers in {name}, got values of type {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite values in {name}, got NaN or infinity")
    if "float" in array.dtype.name:
        with np.errstate(over="ignore"):
            array = array.astype(floats)
        if not np.isfinite(array).all():
            raise ValueError(f"expected values in {name} that are not too large for {floats}")
    return tf.convert_to_tensor(array)


def unstretched(call: Any, loss: Any, y: Any, y_pred: Any, *weights: Any, **options: Any) -> Any:
    """In place of `keras.losses.Loss.__call__`: refuse targets that would be broadcast.

    Raises
    ------
    ValueError
        If targets are missing, or a loss of Keras that compares the entries of targets with those
        of an output is given targets of another shape, which Keras may stretch silently.
    """
    if not all(map(tf.is_tensor, keras.tree.flatten(y))):
        raise ValueError(f"expected y for the output of shape {tuple(y_pred.shape)}, got {y!r}")
    function = getattr(loss, "fn", loss)
    if (
        function.__module__.startswith("keras.")
        and not any(map(keras.tree.is_nested, (y, y_pred)))
        and not _fits(y.shape, y_pred.shape)
        and _compares_entries(loss, y_pred.shape.rank)
    ):
        raise ValueError(
            f"expected y of shape {tuple(y_pred.shape)}, as {getattr(function, '__name__', loss)} "
            f"takes it with an output of that shape, got {tuple(y.shape)}"
        )
    return call(loss, y, y_pred, *weights, **options)


def _fits(shape: Any, output: Any) -> bool:
    wanted = [output, [*output, 1]] + ([output[:-1]] if output[-1:] == [1] else [])
    return any(map(shape.is_compatible_with, wanted))


def _compares_entries(loss: Any, rank: int) -> bool:
    """Whether a loss takes targets of the shape of the output and not, say, indices of classes."""
    with tf.init_scope():  # at once, not in the graph that is being made
        some = tf.fill([2] * (rank - 1) + [3], 0.5)
        try:
            loss.call(some, some)
        except Exception:
            return False
    return True
