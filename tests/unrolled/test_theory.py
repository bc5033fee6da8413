"""Theory against exact limits, and against networks that are run."""

import numpy as np
import pytest
from scipy.integrate import quad

from unrolled import SimpleRNNCell, backpropagate_through_time, unroll
from unrolled.spectra import log_growth
from unrolled.theory import (
    inputs_used,
    largest_step_factor,
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


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.5, 2.0])
def test_mean_field_meets_a_wide_network(rng, gain):
    cell = SimpleRNNCell.initialize(WIDE, WIDE, rng, recurrent="gaussian", gain=gain)
    # Glorot's kernel turns inputs of standard deviation s into a share of the same in each unit.
    measured = log_growth(cell, 0.3 * rng.normal(size=(2, 80, WIDE)), rng)
    theory = mean_field_log_growth(gain, 0.3)
    assert abs(measured - theory) < FINITE_WIDTH
    if gain != 1.5:  # where the rate is near zero, chi itself would pass too
        assert abs(measured - 2 * theory) > FINITE_WIDTH  # the norm grows by sqrt(chi), not chi


def test_inputs_used_inverts_the_accuracy_of_a_partial_sum(rng):
    x = rng.normal(size=(200_000, 50))
    for used in (5, 20, 45):
        accuracy = np.mean((x[:, :used].sum(axis=1) > 0) == (x.sum(axis=1) > 0))
        assert inputs_used(accuracy, 50) == pytest.approx(used, abs=0.5)


def test_inputs_used_refuses_an_accuracy_below_chance():
    with pytest.raises(ValueError, match=r"between 1/2 and 1, got 0\.4"):
        inputs_used(0.4, 50)
