"""What the callback records while a model trains, when it warns, and what it leaves behind."""

import copy
import pickle
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from unrolled.callback import GradientFlowCallback, GradientWarning
from unrolled.gradient_flow import gradient_flow
from unrolled.record import GradientRecord, describe
from unrolled.spectra import norms_by_step
from unrolled.tasks import sign_of_mean
from unrolled.tensorboard import write_summaries


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


def alike(length=20):
    """Sequences with the same target, so that nothing can be learned from them."""
    return data(length=length)[0], np.ones((24, 1))


def frozen(weight):
    layer, start = linear(weight)
    model = model_of(layer, optimizer=keras.optimizers.SGD(0.0))
    layer.set_weights(start)
    return model


def test_it_says_once_that_gradients_vanish_and_how_far_they_reach():
    x, y = alike()
    callback = GradientFlowCallback(x, y, every=1)
    with pytest.warns(GradientWarning) as caught:
        fit(frozen(0.5), callback, x, y)
    (only,) = words_of(caught)
    assert only == (
        "rnn: the gradient vanishes: it halves every 1.0 steps back; of 20 steps only the last 7 "
        "receive more than 1% of the largest (after batch 2)"
    )


def test_measurements_soon_after_the_start_do_not_count_as_vanishing():
    x, y = alike()
    callback = GradientFlowCallback(x, y, every=100)  # regular: the first and the last
    fit(frozen(0.5), callback, x, y)
    assert len(callback.record.steps) == 5


def test_it_says_nothing_if_they_reach_half_the_steps_or_recover():
    x, y = alike()
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


def test_growth_above_what_is_usual_is_an_explosion_if_the_loss_rises():
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
    words = r"rnn: the gradient explodes: its largest norm is 1\.0e\+04 times the median of all"
    assert re.match(words, only)


def test_a_layer_that_receives_little_at_its_last_step_does_not_explode():
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


# Learning all the same


def short_memory(offset=0.0, learnable=True, weight=0.5):
    """A layer of one weight, targets that need its last step or none, and a model to fit them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 20, 1))
    y = offset + (x[:, -1] if learnable else rng.normal(size=(400, 1)))
    layer, start = linear(weight)
    keras.utils.set_random_seed(0)
    readout = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((20, 1)), layer, readout])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    layer.set_weights(start)
    layer.trainable = False
    return model, x, y


def test_it_says_nothing_of_a_short_memory_with_which_the_loss_falls():
    model, x, y = short_memory()
    callback = GradientFlowCallback(x[:64], y[:64], every=10)
    fit(model, callback, x[64:], y[64:], epochs=1)
    assert callback.record.losses[-1] < 0.5 * callback.record.losses[0]
    assert describe(callback.record.norms["rnn"][-1])[0] == "vanishes"


def test_a_loss_that_falls_to_that_of_the_mean_target_is_no_learning():
    model, x, y = short_memory(offset=3.0, learnable=False)
    callback = GradientFlowCallback(x[:64], y[:64], every=10)
    with pytest.warns(GradientWarning, match="rnn: the gradient vanishes"):
        fit(model, callback, x[64:], y[64:], epochs=1)
    assert callback.record.losses[-1] < 0.2 * callback.record.losses[0]


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_without_targets_the_course_of_the_loss_decides(rate):
    """As where the model adds a loss of its own."""
    model, x, y = short_memory()
    inputs = [keras.Input((20, 1)), keras.Input((1,))]

    class Error(keras.layers.Layer):
        def call(self, output, target):
            self.add_loss(keras.ops.mean((output - target) ** 2))
            return output

    own = keras.Model(inputs, Error()(model(inputs[0]), inputs[1]))
    own.compile(keras.optimizers.SGD(rate))
    callback = GradientFlowCallback([x[:64], y[:64]], every=10)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GradientWarning)
        own.fit([x[64:], y[64:]], batch_size=4, verbose=0, callbacks=[callback])
    assert len(words_of(caught)) == (0 if rate else 1)


def test_a_gradient_that_starts_near_zero_may_grow_while_the_loss_falls():
    model, x, y = short_memory(offset=50.0, weight=0.9)
    model.layers[1].set_weights([np.full((1, 1), 1e-5), np.zeros(1)])
    callback = GradientFlowCallback(x[:64], y[:64], every=1)
    fit(model, callback, x[64:], y[64:], epochs=1)
    assert callback.record.norms["rnn"].max() > 1000 * callback.record.norms["rnn"][0].max() > 0


# Several fits, copies, several devices


def test_many_short_fits_warn_once_as_one_long_fit_does():
    x, y = alike()
    callback = GradientFlowCallback(x, y, every=1000)
    model = frozen(0.5)
    with pytest.warns(GradientWarning) as caught:
        for _ in range(6):
            fit(model, callback, x, y)
    (only,) = words_of(caught)
    assert only.startswith("rnn: the gradient vanishes")
    assert callback.record.steps.tolist() == [0, 1, 2, 4, 6, 8, 12, 16, 18, 24, 30, 32, 36]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_before_during_and_after_a_fit_goes_on_by_itself(copied, tmp_path):
    x, y = data()
    copies = []

    class Copying(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                copies.append(copied(callback))

    callback = GradientFlowCallback(x[:2], y[:2], every=2, log_dir=tmp_path)
    copies.append(copied(callback))
    model = model_of(gru())
    model.fit(x, y, batch_size=4, verbose=0, callbacks=[callback, Copying()])
    copies.append(copied(callback))
    steps = [one.record.steps.tolist() for one in copies]
    assert steps == [[], [0, 1, 2], [0, 1, 2, 4, 6]]
    for one in copies:  # another model
        fit(model_of(gru()), one, x, y)
        assert one.record.steps.tolist() == [0, 1, 2, 4, 6]
    assert callback.record.steps.tolist() == [0, 1, 2, 4, 6]
    assert len(list(tmp_path.iterdir())) == 4  # a file of events each


def test_it_counts_where_each_device_has_the_variables():
    x, y = data()
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = model_of(gru())
        model.compile("adam", "mse")
    callback = GradientFlowCallback(x[:2], y[:2], every=3)
    fit(model, callback, x, y)
    assert callback.record.steps.tolist() == [0, 1, 2, 3, 6]


# The probe


def test_the_probe_may_be_a_dataset_of_which_the_first_batch_is_kept():
    x, y = data()
    dealt = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(24).batch(8)
    callback = GradientFlowCallback(dealt, every=2)
    model = model_of(gru(), optimizer=keras.optimizers.SGD(0.0))
    fit(model, copy.deepcopy(callback), x, y)
    fit(model, callback, x, y)
    norms = callback.record.norms["gru"]
    np.testing.assert_allclose(norms, norms[:1].repeat(len(norms), axis=0), rtol=1e-6)


def test_weights_of_samples_and_classes_and_names_of_layers_count_as_in_gradient_flow():
    x, y = data()
    both = keras.layers.GRU(2, return_sequences=True, name="below"), gru()
    model = model_of(*both, optimizer=keras.optimizers.SGD(0.0))
    for weights in ({"sample_weight": np.arange(24.0)}, {"class_weight": {0: 1.0, 1: 5.0}}):
        callback = GradientFlowCallback(x, y, layers=["gru"], **weights)
        fit(model, callback, x, y)
        flow = gradient_flow(model, x, y, **weights)
        assert list(callback.record.norms) == ["gru"]
        expected = norms_by_step(flow["gru"])[::-1]
        np.testing.assert_allclose(callback.record.norms["gru"][0], expected, rtol=1e-6)


def test_the_record_holds_the_loss_of_the_probe():
    x, y = data()
    model = model_of(gru(kernel_regularizer="l2"))
    callback = GradientFlowCallback(x[:5], y[:5])
    before = model.evaluate(x[:5], y[:5], verbose=0)
    fit(model, callback, x, y)
    after = model.evaluate(x[:5], y[:5], verbose=0)
    np.testing.assert_allclose(callback.record.losses[[0, -1]], [before, after], rtol=1e-6)


# Files for other tools


def test_a_table_is_written_if_the_path_says_so(tmp_path):
    x, y = data()
    callback = GradientFlowCallback(x[:2], y[:2], every=2, path=tmp_path / "flow.csv")
    fit(model_of(gru()), callback, x, y)
    lines = (tmp_path / "flow.csv").read_text().splitlines()
    assert lines[0] == "step,state,lag,norm,loss" and len(lines) == 1 + 5 * 4


def summaries(folder):
    """Everything in the event files of a folder, as (step, tag, plugin, array)."""
    for path in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                yield event.step, value.tag, plugin, tf.make_ndarray(value.tensor)


def test_summaries_for_tensorboard_hold_the_record(tmp_path):
    x, y = data()
    callback = GradientFlowCallback(x[:2], y[:2], every=2, log_dir=tmp_path / "logs")
    fit(model_of(keras.layers.LSTM(3, name="lstm")), callback, x, y)
    steps, norms, losses = callback.record
    found = {(step, tag): array for step, tag, _, array in summaries(tmp_path / "logs")}
    assert len(found) == len(steps) * (1 + 2 * 5)
    for i, step in enumerate(steps):
        assert found[step, "gradient/loss"] == np.float32(losses[i])
        for state in ("lstm", "lstm/c"):
            last = norms[state][i]
            assert found[step, f"gradient/{state}/last step"] == np.float32(last[0])
            assert found[step, f"gradient/{state}/first step"] == np.float32(last[-1])
            assert found[step, f"gradient/{state}/largest"] == np.float32(last.max())
            left, right, counts = found[step, f"gradient/{state}/log10 norm"].T
            assert counts.sum() == np.count_nonzero(last)  # c_T has no gradient
            logs = np.log10(last[last > 0])
            assert (left[0], right[-1]) == pytest.approx((logs.min(), logs.max()))


def test_each_summary_names_the_plugin_that_shows_it(tmp_path):
    record = GradientRecord(np.array([7]), {"gru": np.ones((1, 4))}, np.array([0.5]))
    write_summaries(tmp_path, record)
    plugins = {tag.split("/")[-1]: plugin for _, tag, plugin, _ in summaries(tmp_path)}
    numbers = dict.fromkeys(["loss", "last step", "first step", "largest"], "scalars")
    assert plugins == numbers | {"log10 norm": "histograms", "map": "images"}


def test_the_map_for_tensorboard_is_brighter_where_the_norm_is_larger(tmp_path):
    norms = 10.0 ** -np.array([[0.0, 2, 4, 20], [0, 1, 2, 3]])
    norms[1, 3] = np.nan
    record = GradientRecord(np.array([0, 50]), {"gru": norms})
    write_summaries(tmp_path, record)
    (image,) = (array for _, _, plugin, array in summaries(tmp_path) if plugin == "images")
    picture = tf.io.decode_png(image[2]).numpy().astype(int)
    assert [int(side) for side in image[:2]] == [picture.shape[1], picture.shape[0]]
    rows = np.linspace(picture.shape[0] - 1, 0, 4).astype(int)  # the last step at the bottom
    before, after = picture[rows, 0], picture[rows, -1]
    assert np.all(np.diff(before.sum(axis=1)) < 0) and np.all(np.diff(after[:3].sum(axis=1)) < 0)
    assert before[0].tolist() == after[0].tolist() == [253, 231, 37]
    assert before[2].tolist() == [33, 144, 141]  # half of eight decades down
    assert before[3].tolist() == [68, 1, 84]  # below all
    assert after[3].tolist() == [128, 128, 128]  # not finite


def test_a_gradient_of_zeros_and_nans_has_summaries_too(tmp_path):
    write_summaries(tmp_path, GradientRecord(np.array([0]), {"gru": np.array([[0.0, np.nan]])}))
    found = {tag.split("/")[-1]: array for _, tag, _, array in summaries(tmp_path)}
    assert found["log10 norm"].shape == (0, 3) and len(found) == 5


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
    with pytest.raises(ValueError, match="expected y with one entry for each of the 2 sequences"):
        fit(model_of(gru()), GradientFlowCallback(x[:2], y), x, y)
