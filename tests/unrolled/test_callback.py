"""What the callback records while a model trains, when it warns, and what it leaves behind."""

import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.callback import GradientFlowCallback, GradientWarning
from unrolled.gradient_flow import gradient_flow
from unrolled.record import GradientRecord, describe
from unrolled.spectra import norms_by_step
from unrolled.tasks import sign_of_mean


def model_of(*layers, loss="binary_crossentropy", optimizer="adam", seed=0):
    """A model that trains step by step: making a graph takes longer than running so little."""
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((None, 1)), *layers, dense])
    model.compile(optimizer, loss, run_eagerly=True)
    return model


def gru(**options):
    return keras.layers.GRU(3, name="gru", **options)


def data(sequences=24, length=4):
    return sign_of_mean(sequences, np.random.default_rng(0), length=length)


def fit(model, callback, x, y, **options):
    options = {"batch_size": 4, "verbose": 0} | options
    return model.fit(x, y, callbacks=[callback], **options)


def words_of(caught):
    """What the callback said; a collected file of another test may warn at any moment."""
    return [str(one.message) for one in caught if issubclass(one.category, GradientWarning)]


@pytest.fixture(autouse=True)
def no_warning_unless_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error", GradientWarning)
        yield


# The record


@pytest.mark.parametrize(
    ("every", "steps"),
    [(1, range(13)), (5, [0, 1, 2, 4, 5, 10, 12]), (100, [0, 1, 2, 4, 8, 12])],
)
def test_it_measures_before_after_every_so_many_batches_and_soon_after_the_start(every, steps):
    x, y = data()
    callback = GradientFlowCallback(x[:2], y[:2], every=every)
    fit(model_of(gru()), callback, x, y, epochs=2)  # six batches an epoch
    assert callback.record.steps.tolist() == list(steps)
    assert callback.record.norms["gru"].shape == (len(steps), 4)


def test_the_record_holds_norms_of_the_gradient_flow_by_lag():
    x, y = data()
    layer = keras.layers.LSTM(3, name="lstm")
    model = model_of(layer)
    before = gradient_flow(model, x[:5], y[:5])
    callback = GradientFlowCallback(x[:5], y[:5])
    fit(model, callback, x, y)
    after = gradient_flow(model, x[:5], y[:5])
    assert list(callback.record.norms) == ["lstm", "lstm/c"]
    for name, norms in callback.record.norms.items():
        for row, flow in zip(norms[[0, -1]], (before, after), strict=True):
            expected = norms_by_step(np.float64(flow[name]))[::-1]
            np.testing.assert_array_equal(row, expected)


def test_small_norms_of_float32_gradients_do_not_underflow():
    """Squares of float32 numbers below 1e-23 are zero; the gradients themselves are not."""
    x, y = data(length=4)
    layer = keras.layers.SimpleRNN(1, name="rnn", activation="linear", use_bias=False)
    model = model_of(layer)
    layer.set_weights([np.ones((1, 1)), np.full((1, 1), 1e-9)])
    callback = GradientFlowCallback(x, y)
    callback.set_model(model)
    callback.on_train_begin()
    ratios = callback.record.norms["rnn"][0, 1:] / callback.record.norms["rnn"][0, :-1]
    np.testing.assert_allclose(ratios, 1e-9, 1e-4)


def test_steps_are_counted_where_several_run_at_once():
    x, y = data()
    model = model_of(gru())
    model.compile("adam", "binary_crossentropy", steps_per_execution=4)
    callback = GradientFlowCallback(x[:2], y[:2], every=3)
    fit(model, callback, x, y, epochs=2)
    assert callback.record.steps.tolist() == [0, 4, 6, 10, 12]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # as it does at the end
@pytest.mark.parametrize("optimizer", ["sgd", keras.optimizers.SGD(gradient_accumulation_steps=2)])
def test_steps_are_counted_where_nobody_knows_how_many_there_are(optimizer):
    x, y = data(12)
    parts = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    of_unknown_length = parts.filter(lambda x, y: True)
    model = model_of(gru())
    model.compile(optimizer, "binary_crossentropy", steps_per_execution=2)
    callback = GradientFlowCallback(x[:2], y[:2], every=1)
    model.fit(of_unknown_length, epochs=2, verbose=0, shuffle=False, callbacks=[callback])
    assert callback.record.steps.tolist() == [0, 2, 3, 5, 6]


@pytest.mark.parametrize("every", [4, 100])  # also if the next measurement is an early one
def test_the_record_goes_on_with_the_same_model_and_starts_anew_with_another(every):
    x, y = data()
    model = model_of(gru())
    callback = GradientFlowCallback(x[:2], y[:2], every=every)
    fit(model, callback, x, y)
    fit(model, callback, x, y)
    assert callback.record.steps.tolist() == [0, 1, 2, 4, 6, 8, 12]
    fit(model_of(gru()), callback, x, y)
    assert callback.record.steps.tolist() == [0, 1, 2, 4, 6]


def test_training_goes_as_without_it():
    x, y = data()

    def trained(*callbacks):
        keras.utils.set_random_seed(0)  # a layer draws the seed of its weights when it is made
        model = model_of(gru(dropout=0.2))
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks))
        return model.get_weights()

    watched = trained(GradientFlowCallback(x[:5], y[:5], every=2))
    for one, other in zip(trained(), watched, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_is_not_built_is_built_as_fit_would():
    x, y = data()
    x = np.float64(x)

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([gru(dropout=0.2, return_sequences=True)])
            self.outer = keras.layers.LSTM(1, recurrent_initializer="random_normal")

        def call(self, x, training=False):
            return self.outer(self.inner(tf.square(x), training=training))

    def trained(make, *callbacks):
        keras.utils.set_random_seed(0)
        model = make()
        model.compile("adam", "mse", run_eagerly=True)
        model.fit(x, y, batch_size=8, verbose=0, callbacks=list(callbacks))
        return model

    for make in (lambda: keras.Sequential([gru(), keras.layers.Dense(1)]), Own):
        plain, watched = (trained(make, *them) for them in ([], [GradientFlowCallback(x, y)]))
        for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


# Saving


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(st.dictionaries(names, st.integers(1, 3), max_size=3), st.integers(0, 3))
@settings(max_examples=15)
def test_a_record_is_read_as_it_was_saved(tmp_path_factory, lengths, measurements):
    rng = np.random.default_rng(0)
    norms = {name: rng.normal(size=(measurements, time)) for name, time in lengths.items()}
    record = GradientRecord(np.arange(measurements), norms)
    path = record.save(tmp_path_factory.mktemp("record") / "flow")
    assert path.name == "flow.npz"
    read = GradientRecord.load(path)
    np.testing.assert_array_equal(read.steps, record.steps)
    assert list(read.norms) == list(norms)
    for name, expected in norms.items():
        np.testing.assert_array_equal(read.norms[name], expected)


def test_a_record_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    record = GradientRecord(np.arange(2), {"gru": np.ones((2, 3))})
    path = record.save(tmp_path / "flow.npz")
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        GradientRecord(np.arange(3), {}).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["flow.npz"]


def test_a_record_may_be_read_by_whoever_reads_other_files(tmp_path):
    (tmp_path / "other").touch()
    path = GradientRecord(np.arange(2), {}).save(tmp_path / "flow")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_missing_folder_is_named_before_training_starts(tmp_path):
    path = tmp_path / "missing" / "flow.npz"
    for attempt in (
        lambda: GradientFlowCallback(*data(), path=path),
        lambda: GradientRecord(np.arange(2), {}).save(path),
    ):
        with pytest.raises(FileNotFoundError, match=f"a folder that exists, got {path}$"):
            attempt()


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(2))
    with pytest.raises(ValueError, match=r"a gradient record in .*other.npz, got \['a'\]"):
        GradientRecord.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.ones(2))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    (tmp_path / "text.npz").write_text("a text")
    for name in ("array", "text"):
        with pytest.raises(ValueError, match=f"record in .*{name}.npz, got no archive of arrays"):
            GradientRecord.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        GradientRecord.load(tmp_path / "missing")


def test_the_record_is_saved_while_training_runs(tmp_path):
    x, y = data()

    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 4:
                raise KeyboardInterrupt

    callback = GradientFlowCallback(x[:2], y[:2], every=2, path=tmp_path / "flow.npz")
    with pytest.raises(KeyboardInterrupt):
        model_of(gru()).fit(x, y, batch_size=4, verbose=0, callbacks=[callback, Killed()])
    assert GradientRecord.load(tmp_path / "flow.npz").steps.tolist() == [0, 1, 2, 4]


# Warnings


def linear(weight, units=1):
    """A layer that multiplies the gradient by the weight at each step."""
    layer = keras.layers.SimpleRNN(units, name="rnn", activation="linear", use_bias=False)
    start = np.ones((1, units)), weight * np.eye(units)
    return layer, start


def frozen(weight):
    layer, start = linear(weight)
    model = model_of(layer, optimizer=keras.optimizers.SGD(0.0))
    layer.set_weights(start)
    return model


def test_it_says_once_that_gradients_vanish_and_how_far_they_reach():
    x, y = data(length=20)
    callback = GradientFlowCallback(x, y, every=1)
    with pytest.warns(GradientWarning) as caught:
        fit(frozen(0.5), callback, x, y)
    (only,) = words_of(caught)
    assert only == (
        "rnn: the gradient vanishes: it halves every 1.0 steps back; of 20 steps only the last 7 "
        "receive more than 1 % of the largest (after batch 2)"
    )


def test_measurements_soon_after_the_start_do_not_count_as_vanishing():
    x, y = data(length=20)
    callback = GradientFlowCallback(x, y, every=100)  # regular: the first and the last
    fit(frozen(0.5), callback, x, y)
    assert len(callback.record.steps) == 5


def test_it_says_nothing_if_they_reach_half_the_steps_or_recover():
    x, y = data(length=20)
    fit(frozen(0.65), GradientFlowCallback(x, y, every=1), x, y)  # 11 steps

    class Recover(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 0:  # after two measurements of 0.5
                self.model.layers[0].set_weights(linear(0.9)[1])

    callback = GradientFlowCallback(x, y, every=1)
    frozen(0.5).fit(x, y, batch_size=4, verbose=0, callbacks=[callback, Recover()])
    assert len(callback.record.steps) == 7


@pytest.mark.parametrize("terminate", [False, True])
def test_it_says_at_once_that_gradients_explode_and_ends_the_training_if_asked(terminate):
    x, y = data(length=20)
    callback = GradientFlowCallback(x, y, every=2, terminate=terminate)
    with pytest.warns(GradientWarning) as caught:
        fit(frozen(1.5), callback, x, y)
    (only,) = words_of(caught)
    assert only == (
        "rnn: the gradient explodes: it doubles every 1.7 steps back; one of 20 steps receives "
        "2.2e+03 times as much as the last (before the first batch)"
    )
    assert callback.record.steps.tolist() == ([0, 1] if terminate else [0, 1, 2, 4, 6])


def test_an_exploding_run_is_ended_before_the_loss_is_nan():
    """Squared error, plain gradient descent, a linear layer: the weights run away."""
    x, y = data(400, length=20)

    def losses_of_run(*callbacks):
        layer, start = linear(0.9)
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((None, 1)), layer, keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.03), "mse")
        layer.set_weights(start)
        losses = []
        note = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: losses.append(logs["loss"])
        )
        model.fit(x, 10 * y, batch_size=4, verbose=0, callbacks=[note, *callbacks])
        return losses

    assert not np.isfinite(losses_of_run()[-1])
    with pytest.warns(GradientWarning, match="rnn: the gradient explodes"):
        losses = losses_of_run(GradientFlowCallback(x[:8], y[:8], every=1, terminate=True))
    assert np.isfinite(losses).all()


def test_growth_since_the_first_measurement_is_an_explosion_as_well():
    x, y = data(length=4)

    class Grow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kernel, bias = self.model.layers[1].get_weights()
            self.model.layers[1].set_weights([kernel * 10, bias])

    model = keras.Sequential([keras.Input((None, 1)), linear(1.0)[0], keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
    model.layers[0].set_weights(linear(1.0)[1])
    callback = GradientFlowCallback(x, y, every=1)
    with pytest.warns(GradientWarning) as caught:
        model.fit(x, y, batch_size=4, verbose=0, callbacks=[Grow(), callback])
    (only,) = words_of(caught)
    words = (
        r"rnn: the gradient explodes: its largest norm has grown to \d\.\de\+0\d times the first"
    )
    assert re.match(words, only)


def test_a_layer_that_hears_little_at_its_last_step_does_not_explode():
    """The backward half of a Bidirectional reads last what the layer above hardly passes on."""
    x, y = data(length=40)
    gru = keras.layers.GRU(4, return_sequences=True, name="gru")
    below = keras.layers.Bidirectional(gru, name="both")
    model = model_of(below, keras.layers.GRU(4, name="top"), optimizer=keras.optimizers.SGD(0.0))
    callback = GradientFlowCallback(x, y, every=2, terminate=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model, callback, x, y)
    norms = callback.record.norms["both/backward_gru"][0]
    assert norms.max() > 1000 * norms[0]
    assert not [words for words in words_of(caught) if "explodes" in words]
    assert callback.record.steps[-1] == 6


def test_growth_from_nothing_is_no_explosion():
    """Below a readout of zeros the first gradient is zero, and the next ones are small."""
    x, y = data(length=4)
    readout = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((None, 1)), linear(1.0)[0], readout])
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)

    class Grow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            readout.set_weights([np.full((1, 1), 1e-6 * 10.0**batch), np.zeros(1)])

    callback = GradientFlowCallback(x, y, every=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", GradientWarning)
        model.fit(x, y, batch_size=4, verbose=0, callbacks=[Grow(), callback])
    norms = callback.record.norms["rnn"].max(axis=1)
    assert norms[0] == 0 and norms[-1] > 1000 * norms[1] > 0


@pytest.mark.parametrize("terminate", [False, True])
def test_it_says_when_the_loss_and_the_gradient_are_no_longer_finite(terminate):
    x, y = data(length=4)

    class Break(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                self.model.layers[0].set_weights([np.full((1, 1), np.nan), np.ones((1, 1))])

    callback = GradientFlowCallback(x, y, every=4, terminate=terminate)
    with pytest.warns(GradientWarning) as caught:
        frozen(1.0).fit(x, y, batch_size=4, verbose=0, callbacks=[Break(), callback])
    after = 3 if terminate else 6
    assert words_of(caught) == [
        "the loss is nan (after batch 3)",
        f"rnn: the gradient is not finite at 4 of 4 steps (after batch {after})",
    ]


def test_h_and_c_of_an_lstm_are_judged_as_one_state():
    """Its h alone would vanish: with the gates open, the gradient flows through c."""
    x, y = data(length=30)
    layer = keras.layers.LSTM(2, name="lstm")
    model = model_of(layer, optimizer=keras.optimizers.SGD(0.0))
    kernel, recurrent, _ = layer.get_weights()
    layer.set_weights([kernel, recurrent * 1e-3, np.repeat([0.0, 9.0, 0.0, 0.0], 2)])
    callback = GradientFlowCallback(x[:2], y[:2], every=1)
    fit(model, callback, x[:12], y[:12])
    assert describe(callback.record.norms["lstm"][0])[0] == "vanishes"
    assert describe(callback.record.norms["lstm/c"][0])[0] == "steady"


@given(st.floats(0.3, 3.0), st.integers(2, 60))
def test_description_of_a_geometric_series(factor, time):
    norms = factor ** np.arange(float(time))
    reach = sum(norms >= 0.01 * norms.max())
    kind, words = describe(norms)
    if factor > 1:
        assert kind == ("explodes" if factor ** (time - 1) >= 100 else "steady")
    else:
        assert kind == ("vanishes" if reach <= time // 2 else "steady")
    if kind == "vanishes":
        assert f"of {time} steps only the last {reach} receive" in words
        assert f"halves every {-np.log(2) / np.log(factor):.1f} steps" in words
    if kind == "explodes":
        assert f"doubles every {np.log(2) / np.log(factor):.1f} steps" in words


def test_description_of_gradients_that_are_zero_or_not_finite():
    assert describe(np.zeros(5)) == ("vanishes", "the gradient is zero at all 5 steps")
    assert (
        describe(np.array([1.0, np.inf, np.nan]))[1] == "the gradient is not finite at 2 of 3 steps"
    )
    assert describe([1.0, 0, 0, 0]) == (
        "vanishes",
        "the gradient vanishes: of 4 steps only the last receives more than 1 % of the largest",
    )
    assert describe(np.array([0.0, 1, 1, 1]))[0] == "steady"  # the cell state of an LSTM


def test_description_counts_the_steps_that_hear_something():
    assert describe(np.r_[1.0, np.zeros(48), 1.0])[1].startswith("2 of 50 steps receive")
    vanishes = "the gradient vanishes: of 50 steps only"
    words = f"{vanishes} 1 of the last 2 receives more than 1 %"
    assert describe(np.r_[0.0, 1.0, np.zeros(48)])[1].startswith(words)
    flat = f"{vanishes} the last 24 receive more than 1 %"  # no rate: it halves nowhere
    assert describe(np.r_[np.ones(24), np.zeros(26)])[1].startswith(flat)


def test_a_gradient_that_shrinks_on_its_way_does_not_explode():
    """However little the very last step hears: it may be read by few paths."""
    kind, words = describe(np.r_[1e-3, 0.9 ** np.arange(49)])
    assert kind == "steady" and "explodes" not in words


def test_a_reference_decides_what_counts_as_large():
    norms = 1e-6 * 1.2 ** np.arange(50)
    assert describe(norms)[0] == describe(norms, 1e-6)[0] == "explodes"
    assert describe(norms, 1.0)[0] == "steady"
    assert describe(norms, 1e-5)[1].endswith("as much as the last step of the layers")


@pytest.mark.parametrize("norms", [[], [[1.0, 2.0]], [1.0, -1.0]])
def test_description_needs_one_norm_a_step(norms):
    with pytest.raises(ValueError, match="expected one norm for each step, none negative, got"):
        describe(norms)


# Errors


@pytest.mark.parametrize("every", [0, -3])
def test_every_must_be_positive(every):
    with pytest.raises(ValueError, match=f"expected every to be at least 1, got {every}"):
        GradientFlowCallback(*data(), every=every)


@pytest.mark.parametrize("every", [2.5, "10", None])
def test_every_must_be_a_whole_number(every):
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        GradientFlowCallback(*data(), every=every)


def test_a_probe_that_does_not_fit_is_refused_when_training_starts():
    x, y = data()
    with pytest.raises(ValueError, match="expected x of shape"):
        fit(model_of(gru()), GradientFlowCallback(x[..., 0], y), x, y)
