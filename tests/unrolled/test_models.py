"""The models of the lectures are what they are said to be."""

import keras
import numpy as np
import pytest

from unrolled.models import many_to_one

CELLS = {"SimpleRNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}
LOSS = 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_a_recurrent_layer_is_followed_by_one_logistic_unit(cell):
    recurrent, dense = many_to_one(cell, units=7, features=2).layers
    assert (type(recurrent), recurrent.name, recurrent.units) == (CELLS[cell], cell.lower(), 7)
    assert not recurrent.return_sequences
    assert recurrent.cell.kernel.shape[0] == 2
    assert (dense.units, dense.activation) == (1, keras.activations.sigmoid)


@pytest.mark.parametrize("time", [1, 50])
def test_sequences_of_any_length_are_read(time):
    assert many_to_one("GRU")(np.zeros((2, time, 1))).shape == (2, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_whole_model_has_one_precision(dtype):
    model = many_to_one("LSTM", dtype=dtype)
    assert {w.dtype for w in model.weights} == {dtype}
    assert model(np.zeros((1, 2, 1))).dtype == dtype
    assert many_to_one("LSTM").compute_dtype == keras.config.floatx()


def test_it_is_compiled_with_adam_cross_entropy_and_accuracy():
    model = many_to_one("SimpleRNN", seed=0, dtype="float64")
    x, y = np.random.default_rng(0).normal(size=(5, 4, 1)), np.array([0, 1, 1, 0, 1])
    p = model.predict(x, verbose=0)[:, 0]
    results = model.evaluate(x, y, verbose=0, return_dict=True)
    cross_entropy = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert results["loss"] == pytest.approx(cross_entropy, rel=LOSS)
    assert results["accuracy"] == pytest.approx(np.mean((p > 0.5) == y))
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.optimizer.learning_rate.numpy() == pytest.approx(0.001)


def test_a_seed_repeats_the_weights_and_the_training():
    x, y = np.random.default_rng(0).normal(size=(40, 4, 1)), np.arange(40) % 2

    def trained(seed):
        model = many_to_one("GRU", seed=seed)
        model.run_eagerly = True  # saves the time that compiling takes
        model.fit(x, y, epochs=2, verbose=0)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    np.testing.assert_array_equal(trained(1), trained(1))
    assert (trained(1) != trained(2)).any()


def test_an_unknown_cell_is_refused_by_name():
    with pytest.raises(ValueError, match=r"\['SimpleRNN', 'LSTM', 'GRU'\], got 'RNN'"):
        many_to_one("RNN")
