"""The forecaster: persistence at first, exact gradients, and a free run that feeds itself."""

import numpy as np
import pytest

from unrolled import GRUCell, LSTMCell, SimpleRNNCell, unroll
from unrolled.forecaster import Forecaster
from unrolled.gradient_check import gradient_check, relative_error

EXACT = 1e-12
UNITS = 3


@pytest.fixture(params=[SimpleRNNCell, LSTMCell, GRUCell])
def model(request):
    rng = np.random.default_rng(0)
    cell = request.param.initialize(1, UNITS, rng)
    cell.bias[...] = rng.normal(size=cell.bias.shape)
    return Forecaster(cell, rng.normal(size=(UNITS, 1)), rng.normal(size=1))


@pytest.fixture
def series():
    values = np.random.default_rng(1).normal(size=(2, 9))
    return values[:, :-1], values[:, 1:]


def test_an_untrained_forecaster_is_persistence(series):
    x, _ = series
    model = Forecaster.initialize(SimpleRNNCell.initialize(1, UNITS, np.random.default_rng(0)))
    np.testing.assert_array_equal(model.forecast(x)[0], x)
    np.testing.assert_array_equal(model.free_run(x, 4), x[:, [-1] * 4])


def test_a_forecast_is_the_last_value_plus_what_is_read_from_the_state(model, series):
    x, _ = series
    states, _ = unroll(model.cell, x[..., None])
    forecasts, returned = model.forecast(x)
    np.testing.assert_array_equal(returned, states)
    change = (
        np.einsum("btu,u->bt", states[..., :UNITS], model.output_kernel[:, 0]) + model.output_bias
    )
    np.testing.assert_allclose(forecasts - x, change, rtol=EXACT)


def test_a_free_run_reads_its_own_forecasts(model, series):
    x, _ = series
    run = model.free_run(x, 5)
    joined, _ = model.forecast(np.concatenate([x, run], axis=1))
    np.testing.assert_allclose(run, joined[:, x.shape[1] - 1 : -1], rtol=EXACT)


def test_a_run_goes_on_from_a_state(model, series):
    x, _ = series
    _, states = model.forecast(x[:, :5])
    later = model.free_run(x[:, 5:], 3, states[:, -1])
    np.testing.assert_allclose(later, model.free_run(x, 3), rtol=EXACT)


def test_loss_is_the_mean_squared_error_of_the_forecasts_that_count(model, series):
    x, targets = series
    errors = model.forecast(x)[0] - targets
    assert model.loss_and_gradients(x, targets)[0] == pytest.approx(np.mean(errors**2), rel=EXACT)
    loss, _ = model.loss_and_gradients(x, targets, skip=3)
    assert loss == pytest.approx(np.mean(errors[:, 3:] ** 2), rel=EXACT)
    loss, _ = model.loss_and_gradients(x, targets, read=4, skip=3)
    run = model.free_run(x[:, :4], 5)
    assert loss == pytest.approx(np.mean((run - targets[:, 3:]) ** 2), rel=EXACT)


@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("read", [None, 1, 5])
def test_gradients_are_those_of_central_differences(model, series, read, skip):
    _, gradients = model.loss_and_gradients(*series, read=read, skip=skip)
    for weight, gradient in zip(model.parameters, gradients, strict=True):

        def loss(values, weight=weight):
            before = weight.copy()
            weight[...] = values
            result = model.loss_and_gradients(*series, read=read, skip=skip)[0]
            weight[...] = before
            return result

        gradient_check(loss, gradient, weight.copy())


def test_true_values_after_those_read_do_not_matter(model, series):
    x, targets = series
    changed = x.copy()
    changed[:, 4:] = 7
    loss, gradients = model.loss_and_gradients(x, targets, read=4)
    other, others = model.loss_and_gradients(changed, targets, read=4)
    assert loss == other
    for a, b in zip(gradients, others, strict=True):
        np.testing.assert_array_equal(a, b)


def test_forcing_and_running_freely_have_different_gradients(model, series):
    forced, free = (model.loss_and_gradients(*series, read=read)[1] for read in (None, 4))
    assert min(relative_error(a, b) for a, b in zip(forced, free, strict=True)) > 0.01


def test_what_cannot_be_read_or_foretold_is_refused(model, series):
    x, targets = series
    with pytest.raises(ValueError, match=r"one shape \(batch, time\), got \(2, 8\), \(2, 7\)"):
        model.loss_and_gradients(x, targets[:, 1:])
    with pytest.raises(ValueError, match="one shape"):
        model.loss_and_gradients(x[0], targets[0])
    for wrong in ({"read": 0}, {"read": 9}, {"skip": 8}, {"skip": -1}):
        with pytest.raises(ValueError, match="expected 1 <= read <= 8 and 0 <= skip < 8"):
            model.loss_and_gradients(x, targets, **wrong)
    with pytest.raises(ValueError, match="steps of at least 1, got 0"):
        model.free_run(x, 0)
    with pytest.raises(ValueError, match="a cell with 1 feature, got 2"):
        Forecaster.initialize(SimpleRNNCell.initialize(2, UNITS, np.random.default_rng(0)))
