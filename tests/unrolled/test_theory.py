"""Theory against exact limits, and against networks that are run."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import digamma

from unrolled import SimpleRNNCell, backpropagate_through_time, unroll
from unrolled.spectra import log_growth, lyapunov_exponents
from unrolled.theory import (
    gaussian_product_exponents,
    inputs_used,
    largest_step_factor,
    linear_sensitivity,
    mean_field_log_growth,
    spectral_radius,
)

WIDE = 512
FINITE_WIDTH = 0.03  # largest deviation seen at 512 units, in log growth per step, is near .02


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_spectral_radius_is_the_limit_of_the_powers(rng):
    matrix = rng.normal(size=(6, 6))
    matrix /= spectral_radius(matrix)
    steps = 4000
    norm = np.linalg.norm(np.linalg.matrix_power(matrix, steps), 2)
    assert abs(np.log(norm) / steps) < 1e-2


def test_spectral_radius_sees_complex_eigenvalues():
    turn = np.array([[0.0, 0.9], [-0.9, 0.0]])
    assert spectral_radius(turn) == pytest.approx(0.9, rel=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_no_step_lengthens_a_gradient_beyond_the_bound(rng, activation):
    cell = SimpleRNNCell.initialize(3, 8, rng, recurrent="gaussian", activation=activation)
    states, cache = unroll(cell, rng.normal(size=(5, 20, 3)))
    d_states = np.zeros_like(states)
    d_states[:, -1] = rng.normal(size=(5, 8))
    lengths = np.linalg.norm(backpropagate_through_time(cell, cache, d_states).states, axis=-1)
    bound = largest_step_factor(cell.recurrent_kernel)
    assert np.all(lengths[:, :-1] <= bound * lengths[:, 1:] * (1 + 1e-12))


def test_the_bound_is_attained_by_a_linear_cell():
    cell = SimpleRNNCell(np.ones((1, 2)), np.diag([0.5, 3.0]), np.zeros(2), "linear")
    states, cache = unroll(cell, np.zeros((1, 2, 1)))
    d_states = np.zeros_like(states)
    d_states[0, -1] = [0, 1]
    gradient = backpropagate_through_time(cell, cache, d_states).states
    assert np.linalg.norm(gradient[0, 0]) == largest_step_factor(cell.recurrent_kernel)
    assert largest_step_factor(cell.recurrent_kernel, 0.25) == 0.75  # as of sigmoid units


def test_mean_field_without_input_below_gain_one_is_the_linear_network():
    gains = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(mean_field_log_growth(gains), np.log(gains), atol=1e-9)


def test_mean_field_for_tiny_weights_is_the_mean_squared_slope_at_the_input():
    input_std, gain = 0.7, 1e-6
    density = lambda u: np.exp(-u * u / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    squared_slope, _ = quad(lambda u: density(u) / np.cosh(input_std * u) ** 4, -12, 12)
    expected = np.log(gain) + np.log(squared_slope) / 2
    assert mean_field_log_growth(gain, input_std) == pytest.approx(expected, abs=1e-8)


def test_mean_field_variance_solves_its_equation_with_an_independent_quadrature():
    from unrolled.theory import _pre_activation_variance

    gain, input_std = 1.7, 0.4
    q = float(_pre_activation_variance(np.float64(gain), np.float64(input_std)))
    density = lambda u: np.exp(-u * u / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    power, _ = quad(lambda u: density(u) * np.tanh(np.sqrt(q) * u) ** 2, -12, 12)
    assert q == pytest.approx(gain**2 * power + input_std**2, abs=1e-7)


def test_mean_field_broadcasts_and_grows_with_gain_and_falls_with_input():
    growth = mean_field_log_growth(np.linspace(0.5, 2, 7)[:, None], np.array([0.1, 0.3, 1.0]))
    assert growth.shape == (7, 3)
    assert np.all(np.diff(growth, axis=0) > 0)
    assert np.all(np.diff(growth, axis=1) < 0)


@pytest.mark.parametrize(
    ("gain", "input_std"), [(0.5, 0), (1.2, 0.3), (2, 0), (5, 0), (1.5, 10), (50, 1), (1e4, 0)]
)
def test_mean_field_is_right_also_where_tanh_is_nearly_a_step(gain, input_std):
    half = lambda f, q: 2 * quad(  # noqa: E731
        lambda s: density(s / np.sqrt(q)) * f(s) / np.sqrt(q), 0, 12 * np.sqrt(q),
        points=[1.0, 3.0, 20.0] if 12 * np.sqrt(q) > 20 else None, limit=500, epsabs=1e-13,
    )[0]  # fmt: skip

    def density(u):
        return np.exp(-u * u / 2) / np.sqrt(2 * np.pi)

    def missing(q):
        return gain**2 * half(lambda s: np.tanh(s) ** 2, q) + input_std**2 - q

    expected = np.log(gain)
    if gain > 1:  # else the state dies
        q = brentq(missing, 1e-6 + input_std**2 / 2, gain**2 + input_std**2 + 1, xtol=1e-13)
        expected += np.log(half(lambda s: (1 - np.tanh(s) ** 2) ** 2, q)) / 2
    assert mean_field_log_growth(gain, input_std) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("gain", [0.0, -1.5, np.nan])
def test_mean_field_refuses_a_gain_that_is_none(gain):
    with pytest.raises(ValueError, match="expected a positive gain, got"):
        mean_field_log_growth(np.array([1.0, gain]))


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.5, 2.0, 5.0])
def test_mean_field_meets_a_wide_network(rng, gain):
    cell = SimpleRNNCell.initialize(WIDE, WIDE, rng, recurrent="gaussian", gain=gain)
    # Glorot's kernel turns inputs of standard deviation s into a share of the same in each unit.
    measured = log_growth(cell, 0.3 * rng.normal(size=(2, 80, WIDE)), rng)
    theory = mean_field_log_growth(gain, 0.3)
    assert abs(measured - theory) < FINITE_WIDTH
    if gain != 1.5:  # where the rate is near zero, chi itself would pass too
        assert abs(measured - 2 * theory) > FINITE_WIDTH  # the norm grows by sqrt(chi), not chi


@pytest.mark.parametrize("units", [1, 2, 3, 8, 65])
def test_gaussian_exponents_are_the_digamma_formula(units):
    i = np.arange(1, units + 1)
    expected = np.log(0.7) + (np.log(2 / units) + digamma((units - i + 1) / 2)) / 2
    np.testing.assert_allclose(gaussian_product_exponents(units, 0.7), expected, atol=1e-12)


def test_the_typical_gaussian_product_lags_the_mean_square_by_half_over_the_width(rng):
    units, steps = 16, 4000
    matrices = (rng.normal(0, 1 / np.sqrt(units), (units, units)) for _ in range(steps))
    leading = lyapunov_exponents(matrices, rng.normal(size=(units, 1)))[0]
    exact = gaussian_product_exponents(units)[0]
    assert exact == pytest.approx(-1 / (2 * units), rel=0.05)
    # Each log length is half that of a mean of 16 squares: standard deviation near 1 / sqrt(32).
    assert leading == pytest.approx(exact, abs=4 / np.sqrt(32 * steps))


@pytest.mark.parametrize(("units", "gain"), [(0, 1.0), (3, 0.0), (3, float("nan"))])
def test_gaussian_exponents_refuse_no_units_or_no_gain(units, gain):
    with pytest.raises(ValueError, match="at least one unit and a positive gain"):
        gaussian_product_exponents(units, gain)


@pytest.mark.parametrize("weight", [0.3, 0.9, -0.9])
def test_linear_sensitivity_is_what_backpropagation_measures(rng, weight):
    cell = SimpleRNNCell(np.ones((1, 1)), np.array([[weight]]), np.zeros(1), "linear")
    states, cache = unroll(cell, rng.normal(size=(20_000, 150, 1)))
    d_states = np.zeros_like(states)
    d_states[:, -1] = 1
    d_z = backpropagate_through_time(cell, cache, d_states).pre_activations
    squares = np.sum(d_z * cache.previous, axis=(1, 2)) ** 2  # (dh_T/dw)^2 for each sequence
    # The square of a normal variable has a standard deviation of sqrt(2) times its mean.
    tolerance = 4 * np.sqrt(2 / len(squares))
    assert np.mean(squares) == pytest.approx(linear_sensitivity(weight), rel=tolerance)


def test_linear_sensitivity_of_a_complex_weight_is_the_sum_of_its_series():
    weight = 0.8 * np.exp(0.7j)
    k = np.arange(1, 400)
    series = np.sum(np.abs(k * weight ** (k - 1)) ** 2)
    assert linear_sensitivity(weight) == pytest.approx(series, rel=1e-12)
    assert linear_sensitivity(np.array([0.0, weight])).shape == (2,)


def test_linear_sensitivity_refuses_a_unit_that_forgets_nothing():
    with pytest.raises(ValueError, match=r"modulus less than 1, got -1\.0"):
        linear_sensitivity(-1.0)


def test_inputs_used_inverts_the_accuracy_of_a_partial_sum(rng):
    x = rng.normal(size=(200_000, 50))
    for used in (5, 20, 45):
        accuracy = np.mean((x[:, :used].sum(axis=1) > 0) == (x.sum(axis=1) > 0))
        assert inputs_used(accuracy, 50) == pytest.approx(used, abs=0.5)


def test_inputs_used_ranges_from_none_at_chance_to_all_at_certainty():
    np.testing.assert_allclose(inputs_used([0.5, 1.0], 50), [0, 50], atol=1e-12)


@pytest.mark.parametrize("accuracy", [0.4, 1.1])
def test_inputs_used_refuses_an_accuracy_below_chance_or_above_one(accuracy):
    with pytest.raises(ValueError, match=f"between 1/2 and 1, got {accuracy}"):
        inputs_used(accuracy, 50)
