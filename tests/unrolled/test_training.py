"""A cell with a readout: its gradients, and that training changes weights as it says."""

from functools import partial

import numpy as np
import pytest

from unrolled import (
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    gradient_check,
    relative_error,
    truncated_backpropagation_through_time,
)
from unrolled.losses import cross_entropy, squared_error
from unrolled.optimizers import Adam, clip_by_norm
from unrolled.tasks import adding_problem, recall
from unrolled.training import SequenceModel, train

CENTRAL_DIFFERENCES = 1e-7  # relative, float64


def new_model(cell=SimpleRNNCell, outputs=1, features=2, every_step=False, dtype="float64"):
    rng = np.random.default_rng(0)
    return SequenceModel.initialize(
        cell.initialize(features, 6, rng, dtype=dtype), outputs, rng, every_step=every_step
    )


@pytest.mark.parametrize("lengths", [None, [7, 2, 5]])
@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("cell", [SimpleRNNCell, LSTMCell, GRUCell])
@pytest.mark.parametrize("loss", [squared_error, cross_entropy])
def test_gradients_of_all_weights_are_right(cell, every_step, lengths, loss):
    model = new_model(cell, outputs=3, every_step=every_step)
    rng = np.random.default_rng(1)
    x, shape = rng.normal(size=(3, 7, 2)), (3, 7) if every_step else (3,)
    y = rng.normal(size=(*shape, 3)) if loss is squared_error else rng.integers(0, 3, shape)
    state = rng.normal(size=(3, model.cell.state_size))
    options = {"state": state, "loss": loss, "lengths": lengths}
    gradients = model.loss_and_gradients(x, y, **options).gradients
    for i, (weight, gradient) in enumerate(zip(model.parameters, gradients, strict=True)):

        def value(w, i=i):
            weights = [*model.parameters[:i], w, *model.parameters[i + 1 :]]
            changed = SequenceModel(cell(*weights[:3]), *weights[3:], every_step)
            return changed.loss_and_gradients(x, y, **options).loss

        gradient_check(value, gradient, weight, tolerance=CENTRAL_DIFFERENCES)


def test_gradients_of_states_are_those_of_the_last_state_sent_back():
    model = new_model(LSTMCell)
    x, y = adding_problem(4, np.random.default_rng(0), length=9)
    d_states = model.loss_and_gradients(x, y).d_states
    outputs, _ = model.outputs(x)
    last = 2 * (outputs - y[:, None]) / 4 @ model.output_kernel.T
    np.testing.assert_allclose(d_states[:, -1, :6], last, rtol=1e-12)
    np.testing.assert_array_equal(d_states[:, -1, 6:], 0)  # the loss does not read c


@pytest.mark.parametrize("cell", [SimpleRNNCell, LSTMCell, GRUCell])
def test_a_state_carried_over_makes_one_long_sequence_of_its_pieces(cell):
    model, rng = new_model(cell, outputs=3, every_step=True), np.random.default_rng(1)
    x, y = rng.normal(size=(2, 10, 2)), rng.normal(size=(2, 10, 3))
    whole = model.loss_and_gradients(x, y)
    first = model.loss_and_gradients(x[:, :4], y[:, :4])
    second = model.loss_and_gradients(x[:, 4:], y[:, 4:], first.state)
    np.testing.assert_allclose(second.state, whole.state, rtol=1e-12)
    assert (4 * first.loss + 6 * second.loss) / 10 == pytest.approx(whole.loss, rel=1e-12)


def test_pieces_with_the_state_carried_over_are_truncated_backpropagation_through_time():
    model, rng = new_model(every_step=True), np.random.default_rng(1)
    x, y = rng.normal(size=(2, 10, 2)), rng.normal(size=(2, 10))
    first = model.loss_and_gradients(x[:, :5], y[:, :5])
    second = model.loss_and_gradients(x[:, 5:], y[:, 5:], first.state)
    outputs, cache = model.outputs(x)
    d_states = 2 * (outputs - y[..., None]) / 10 @ model.output_kernel.T  # 10: one piece's errors
    cut, full = (
        truncated_backpropagation_through_time(model.cell, cache, d_states, every=5, steps=steps)
        for steps in (5, 10)
    )
    for i in range(3):
        by_pieces = first.gradients[i] + second.gradients[i]
        np.testing.assert_allclose(by_pieces, cut.weights[i], rtol=1e-10)
        assert relative_error(by_pieces, full.weights[i]) > 0.01


def test_training_solves_a_task_and_stops_there():
    rng = np.random.default_rng(0)
    model = new_model(GRUCell, outputs=4, features=8)
    losses = train(
        model,
        lambda: recall(32, rng, delay=5),
        updates=2000,
        learning_rate=0.01,
        loss=cross_entropy,
        solved=0.05,
    )
    assert len(losses) < 2000 and losses[0] > 1
    assert losses[-50:].mean() < 0.05 <= losses[-51:-1].mean()


def test_training_changes_the_weights_of_the_model_in_place():
    model = new_model()
    before = [w.copy() for w in model.parameters]
    rng = np.random.default_rng(0)
    train(model, lambda: adding_problem(8, rng, length=5), updates=2)
    for old, new in zip(before, model.parameters, strict=True):
        assert (old != new).any()


def test_by_default_training_is_adam_at_a_thousandth_with_norms_clipped_at_one():
    batches = [adding_problem(8, np.random.default_rng(i), length=5) for i in range(4)]
    batches = [(x, 5 * y) for x, y in batches]
    trained, expected = new_model(), new_model()
    train(trained, iter(batches).__next__, updates=4)
    optimizer, norms = Adam(expected.parameters, learning_rate=1e-3), []
    for x, y in batches:
        clipped, norm = clip_by_norm(expected.loss_and_gradients(x, y).gradients, 1.0)
        optimizer.update(clipped)
        norms.append(norm)
    assert min(norms) > 2  # all are clipped
    for w, wanted in zip(trained.parameters, expected.parameters, strict=True):
        np.testing.assert_array_equal(w, wanted)


@pytest.mark.parametrize(
    ("options", "updates"),
    [({}, 60), ({"solved": 0.5}, 60), ({"solved": 0.6}, 50), ({"solved": 0.6, "window": 3}, 3)],
)
def test_training_ends_once_the_mean_of_a_full_window_is_below_solved(options, updates):
    def half(outputs, targets):
        return 0.5, np.zeros_like(outputs)

    batch = adding_problem(2, np.random.default_rng(0), length=5)
    losses = train(new_model(), lambda: batch, updates=60, loss=half, **options)
    np.testing.assert_array_equal(losses, np.full(updates, 0.5))


def test_the_same_batches_give_the_same_losses():
    first, second = (
        train(new_model(), partial(adding_problem, 8, np.random.default_rng(3)), updates=20)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_keeps_the_precision_of_its_cell(dtype):
    model = new_model(GRUCell, dtype=dtype)
    rng = np.random.default_rng(0)
    losses = train(model, lambda: adding_problem(8, rng, length=5), updates=3)
    assert {w.dtype for w in model.parameters} == {np.dtype(dtype)}
    assert model.outputs(np.ones((1, 2, 2)))[0].dtype == dtype and np.isfinite(losses).all()


def test_training_that_blows_up_says_at_which_update():
    rng = np.random.default_rng(0)
    cell = SimpleRNNCell.initialize(2, 6, rng, activation="linear", gain=1e3)
    model = SequenceModel.initialize(cell, 1, rng)
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"expected a finite loss, got .* at update 1"),
    ):
        train(model, lambda: adding_problem(8, rng, length=60), updates=5, clip=np.inf)


@pytest.mark.parametrize("loss", [squared_error, cross_entropy])
def test_where_every_step_is_read_out_padding_does_not_count(loss):
    model, rng = new_model(outputs=3, every_step=True), np.random.default_rng(1)
    x = rng.normal(size=(2, 6, 2))
    y = rng.normal(size=(2, 6, 3)) if loss is squared_error else rng.integers(0, 3, (2, 6))
    padded = model.loss_and_gradients(x, y, loss=loss, lengths=[6, 2])
    alone = [
        model.loss_and_gradients(x[i : i + 1, :n], y[i : i + 1, :n], loss=loss).loss
        for i, n in enumerate([6, 2])
    ]
    assert padded.loss == pytest.approx((6 * alone[0] + 2 * alone[1]) / 8)


def test_targets_that_lack_a_step_are_refused_with_lengths_too():
    with pytest.raises(IndexError, match=r"axis is 5 but size of .* boolean axis is 6"):
        new_model(every_step=True).loss_and_gradients(
            np.ones((2, 6, 2)), np.ones((2, 5, 1)), lengths=[6, 2]
        )


def test_a_loss_that_is_not_finite_is_said_before_anything_is_sent_back():
    rng = np.random.default_rng(0)
    cell = SimpleRNNCell.initialize(2, 8, rng, gain=3.0, activation="linear")
    model = SequenceModel.initialize(cell, 1, rng)
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"expected a finite loss, got \w+ at update 1"),
    ):
        train(model, lambda: adding_problem(4, rng, length=800), updates=3)


def test_a_gradient_that_is_finite_but_huge_is_clipped_not_lost():
    rng = np.random.default_rng(0)
    cell = SimpleRNNCell.initialize(2, 8, rng, gain=2.0, activation="linear")
    model = SequenceModel.initialize(cell, 1, rng)
    before = [w.copy() for w in model.parameters]
    train(model, lambda: adding_problem(4, rng, length=400), updates=1)
    assert all((w != old).any() for w, old in zip(model.parameters, before, strict=True))
