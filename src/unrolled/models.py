"""The Keras models that the lectures train."""

from __future__ import annotations

from unrolled.probes import keras

CELLS = {"SimpleRNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}


def many_to_one(
    cell: str,
    *,
    units: int = 10,
    features: int = 1,
    seed: int | None = None,
    dtype: str | None = None,
) -> keras.Sequential:
    """One recurrent layer that reads a sequence, and one logistic unit that judges its last state.

    ``p = sigmoid(h_T @ kernel + bias)``, compiled with Adam, binary cross-entropy and accuracy,
    everything else at the defaults of Keras.

    Parameters
    ----------
    cell : {"SimpleRNN", "LSTM", "GRU"}
        Type of the recurrent layer, which is named after it in lower case.
    units : int
        Size of the state.
    features : int
        Size of an input; the length of the sequences is free.
    seed : int, optional
        Seeds the initial weights; and with them, through `keras.utils.set_random_seed`, the global
        random state, so that training repeats as well. By default neither is seeded.
    dtype : {"float32", "float64"}, optional
        Precision of the whole model, its loss included; by default `keras.config.floatx()`.

    Returns
    -------
    keras.Sequential
        Built and compiled.

    Raises
    ------
    ValueError
        If `cell` is not one of the three names.

    Examples
    --------
    >>> model = many_to_one("LSTM", units=10, seed=0)
    >>> [(layer.name, layer.count_params()) for layer in model.layers]
    [('lstm', 480), ('dense', 11)]
    """
    if cell not in CELLS:
        raise ValueError(f"expected cell to be one of {list(CELLS)}, got {cell!r}")
    if seed is not None:
        keras.utils.set_random_seed(seed)
    dtype = dtype or keras.config.floatx()
    model = keras.Sequential(
        [
            keras.Input((None, features), dtype=dtype),
            CELLS[cell](units, dtype=dtype, name=cell.lower()),
            keras.layers.Dense(1, activation="sigmoid", dtype=dtype, name="dense"),
        ]
    )
    loss = keras.losses.BinaryCrossentropy(dtype=dtype)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model
