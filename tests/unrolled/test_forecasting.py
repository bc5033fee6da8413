"""Forecasts: persistence at first, exact gradients, and a free run that feeds itself."""

from functools import partial

import numpy as np
import pytest

from unrolled import DiagonalLinearCell, GRUCell, LSTMCell, SimpleRNNCell, unroll
from unrolled.forecasting import forecast, free_run, loss_and_gradients
from unrolled.gradient_check import gradient_check, relative_error
from unrolled.training import SequenceModel

EXACT = 1e-12
UNITS = 2


def new_model(kind, features=1, outputs=1, dtype="float64"):
    rng = np.random.default_rng(0)
    cell = kind.initialize(features, UNITS, rng, dtype=dtype)
    cell.bias[...] = rng.normal(size=cell.bias.shape)
    readout = rng.normal(size=(UNITS, outputs)) / 2, rng.normal(size=outputs)
    return SequenceModel(cell, *(w.astype(dtype) for w in readout), every_step=True)


@pytest.fixture(params=[SimpleRNNCell, LSTMCell, GRUCell, DiagonalLinearCell])
def model(request):
    return new_model(request.param)


@pytest.fixture
def series():
    values = np.random.default_rng(1).normal(size=(2, 9))
    return values[:, :-1], values[:, 1:]


def test_with_output_weights_of_zero_a_forecast_is_persistence(model, series):
    x, _ = series
    model = model._replace(output_kernel=np.zeros((UNITS, 1)), output_bias=np.zeros(1))
    np.testing.assert_array_equal(forecast(model, x)[0], x)
    np.testing.assert_array_equal(free_run(model, x, 4), x[:, [-1] * 4])


def test_a_forecast_is_the_last_value_plus_what_is_read_from_the_state(model, series):
    x, _ = series
    states, _ = unroll(model.cell, x[..., None])
    forecasts, cache = forecast(model, x)
    np.testing.assert_array_equal(cache.states, states)
    h, kernel = states[..., :UNITS], model.output_kernel[:, 0]
    change = np.einsum("btu,u->bt", h, kernel) + model.output_bias
    np.testing.assert_allclose(forecasts - x, change, rtol=EXACT)


def test_a_free_run_reads_its_own_forecasts(model, series):
    x, _ = series
    run = free_run(model, x, 5)
    joined, _ = forecast(model, np.concatenate([x, run], axis=1))
    np.testing.assert_allclose(run, joined[:, x.shape[1] - 1 : -1], rtol=EXACT)


def test_a_run_goes_on_from_a_state(model, series):
    x, _ = series
    _, cache = forecast(model, x[:, :5])
    later = free_run(model, x[:, 5:], 3, cache.states[:, -1])
    np.testing.assert_allclose(later, free_run(model, x, 3), rtol=EXACT)


def test_loss_is_the_mean_squared_error_of_the_forecasts_that_count(model, series):
    x, y = series
    errors = forecast(model, x)[0] - y
    loss, _ = loss_and_gradients(model, x, y, read=8)
    assert loss == pytest.approx(np.mean(errors**2), rel=EXACT)
    loss, _ = loss_and_gradients(model, x, y, read=8, skip=3)
    assert loss == pytest.approx(np.mean(errors[:, 3:] ** 2), rel=EXACT)
    loss, _ = loss_and_gradients(model, x, y, read=4, skip=3)
    run = free_run(model, x[:, :4], 5)
    assert loss == pytest.approx(np.mean((run - y[:, 3:]) ** 2), rel=EXACT)


@pytest.mark.parametrize("skip", [0, 7])
@pytest.mark.parametrize("read", [1, 5, 8])
def test_gradients_are_those_of_central_differences(model, series, read, skip):
    _, gradients = loss_and_gradients(model, *series, read=read, skip=skip)
    for weight, gradient in zip(model.parameters, gradients, strict=True):

        def loss(values, weight=weight):
            before = weight.copy()
            weight[...] = values
            result, _ = loss_and_gradients(model, *series, read=read, skip=skip)
            weight[...] = before
            return result

        gradient_check(loss, gradient, weight.copy())


def test_true_values_after_those_read_do_not_matter(model, series):
    x, y = series
    changed = x.copy()
    changed[:, 4:] = 7
    loss, gradients = loss_and_gradients(model, x, y, read=4)
    other, others = loss_and_gradients(model, changed, y, read=4)
    assert loss == other
    for a, b in zip(gradients, others, strict=True):
        np.testing.assert_array_equal(a, b)


def test_forcing_and_running_freely_have_different_gradients(model, series):
    forced, free = (loss_and_gradients(model, *series, read=read)[1] for read in (8, 4))
    assert min(relative_error(a, b) for a, b in zip(forced, free, strict=True)) > 0.01


def test_every_step_is_read_out_whatever_the_model_says(model, series):
    last = model._replace(every_step=False)
    np.testing.assert_array_equal(forecast(last, series[0])[0], forecast(model, series[0])[0])
    (loss, gradients), (other, others) = (
        loss_and_gradients(m, *series, read=4) for m in (model, last)
    )
    assert loss == other
    for a, b in zip(gradients, others, strict=True):
        np.testing.assert_array_equal(a, b)


def test_forecasts_and_gradients_have_the_precision_of_the_cell(series):
    model = new_model(GRUCell, dtype="float32")
    _, gradients = loss_and_gradients(model, *series, read=4)
    assert {forecast(model, series[0])[0].dtype, free_run(model, series[0], 2).dtype} == {
        np.dtype("float32")
    }
    assert {g.dtype for g in gradients} == {np.dtype("float32")}


def test_what_cannot_be_read_or_forecast_is_refused(model, series):
    x, y = series
    for wrong in ((x, y[:, 1:]), (x[0], y[0])):
        with pytest.raises(ValueError, match=r"expected x and y of one shape \(batch, time\), got"):
            loss_and_gradients(model, *wrong, read=1)
    for wrong in ({"read": 0}, {"read": 9}, {"read": 8, "skip": 8}, {"read": 8, "skip": -1}):
        with pytest.raises(ValueError, match=r"expected read in 1\.\.8 and skip below 8, got"):
            loss_and_gradients(model, x, y, **wrong)


@pytest.mark.parametrize("ask", [forecast, partial(free_run, steps=2)])
def test_a_model_of_several_features_or_outputs_is_refused(ask, series):
    with pytest.raises(ValueError, match=r"expected x of shape \(batch, time, 2\)"):
        ask(new_model(SimpleRNNCell, features=2), series[0])
    with pytest.raises(ValueError, match="expected a model with 1 output, got 3"):
        ask(new_model(SimpleRNNCell, outputs=3), series[0])
