"""Measured growth rates against cases whose answer is known exactly."""

import numpy as np
import pytest

from unrolled import SimpleRNNCell, backpropagate_through_time, unroll
from unrolled.spectra import (
    log_growth,
    log_product_norms,
    lyapunov_exponents,
    norms_by_step,
)
from unrolled.theory import spectral_radius


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_norms_by_step_is_euclidean_over_units_and_rms_over_the_batch(rng):
    gradients = rng.normal(size=(3, 5, 7, 4))
    expected = np.empty((3, 7))
    for seed, step in np.ndindex(3, 7):
        lengths = [np.linalg.norm(g) for g in gradients[seed, :, step]]
        expected[seed, step] = np.sqrt(np.mean(np.square(lengths)))
    np.testing.assert_allclose(norms_by_step(gradients), expected, rtol=1e-12)


def test_product_norms_of_one_matrix_are_those_of_its_powers(rng):
    matrix = rng.normal(size=(5, 5))
    powers = [np.linalg.norm(np.linalg.matrix_power(matrix, k), 2) for k in range(1, 13)]
    np.testing.assert_allclose(log_product_norms([matrix] * 12), np.log(powers), rtol=1e-10)


def test_product_norms_multiply_later_factors_from_the_left():
    up, turn = np.diag([10.0, 1.0]), np.array([[1.0, 1.0], [0.0, 1.0]])
    expected = np.log([np.linalg.norm(up, 2), np.linalg.norm(turn @ up, 2)])
    np.testing.assert_allclose(log_product_norms([up, turn]), expected, rtol=1e-12)
    assert abs(np.linalg.norm(up @ turn, 2) - np.linalg.norm(turn @ up, 2)) > 1


def test_product_norms_survive_where_the_product_underflows():
    logs = log_product_norms([np.diag([1e-3, 1e-4])] * 500)
    assert logs[-1] == pytest.approx(500 * np.log(1e-3), rel=1e-12)


def test_product_norms_bound_the_gradient_of_a_tanh_network_and_are_attained(rng):
    cell = SimpleRNNCell.initialize(2, 6, rng, recurrent="gaussian", gain=1.5)
    states, cache = unroll(cell, rng.normal(size=(1, 9, 2)))
    jacobians = cell.jacobian(states[0, 1:])  # from h_1 to h_9: the first step leads to h_1
    product = np.linalg.multi_dot(jacobians[::-1])
    left, sigma, _ = np.linalg.svd(product)
    d_states = np.zeros_like(states)
    d_states[0, -1] = left[:, 0]
    gradient = backpropagate_through_time(cell, cache, d_states).states[0, 0]
    assert np.linalg.norm(gradient) == pytest.approx(sigma[0], rel=1e-12)
    assert log_product_norms(jacobians)[-1] == pytest.approx(np.log(sigma[0]), rel=1e-10)


def test_exponents_of_a_linear_map_are_the_log_moduli_of_its_eigenvalues(rng):
    basis = rng.normal(size=(4, 4))
    moduli = np.array([1.3, 0.9, 0.4, 0.05])
    matrix = basis @ np.diag(moduli) @ np.linalg.inv(basis)
    exponents = lyapunov_exponents([matrix] * 4000)
    np.testing.assert_allclose(exponents, np.log(moduli), atol=5e-3)
    assert exponents[0] == pytest.approx(np.log(spectral_radius(matrix)), abs=5e-3)


def test_exponents_sum_to_the_log_determinants(rng):
    jacobians = rng.normal(size=(60, 5, 5))
    expected = np.mean(np.log(np.abs(np.linalg.det(jacobians))))
    assert lyapunov_exponents(jacobians).sum() == pytest.approx(expected, rel=1e-10)


def test_exponents_keep_directions_that_the_bare_product_loses():
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    matrix = turn @ np.diag([1.0, 0.1]) @ turn.T
    np.testing.assert_allclose(lyapunov_exponents([matrix] * 100)[1], np.log(0.1), atol=0.02)
    smallest = np.linalg.svd(np.linalg.matrix_power(matrix, 100))[1][-1]
    assert np.log(max(smallest, 1e-300)) / 100 > np.log(0.1) + 1


def test_a_few_directions_give_the_leading_exponents(rng):
    matrix = np.diag([2.0, 1.0, 0.5, 0.25])
    start = rng.normal(size=(4, 2))
    exponents = lyapunov_exponents([matrix] * 3000, start)
    np.testing.assert_allclose(exponents, np.log([2.0, 1.0]), atol=5e-3)


def test_logistic_map_has_exponent_ln_2():
    x, slopes = 0.1234, []
    for _ in range(100_000):
        slopes.append(np.array([[4 * (1 - 2 * x)]]))
        x = 4 * x * (1 - x)
    assert lyapunov_exponents(slopes)[0] == pytest.approx(np.log(2), abs=2e-3)


def test_the_exponent_is_the_growth_rate_of_the_gradient(rng):
    units = 64
    cell = SimpleRNNCell.initialize(units, units, rng, recurrent="gaussian", gain=1.6)
    x = 0.3 * rng.normal(size=(1, 1500, units))
    jacobians = (cell.jacobian(h) for h in unroll(cell, x)[0][0])
    exponent = lyapunov_exponents(jacobians, rng.normal(size=(units, 1)))[0]
    assert exponent == pytest.approx(log_growth(cell, x, rng), abs=0.01)


def test_log_growth_of_a_scalar_chain_is_ln_w():
    cell = SimpleRNNCell(np.ones((1, 1)), np.array([[0.9]]), np.zeros(1), "linear")
    growth = log_growth(cell, np.ones((3, 40, 1)), np.random.default_rng(0), discard=0)
    assert growth == pytest.approx(np.log(0.9), rel=1e-10)


def test_log_growth_refuses_a_sequence_that_is_all_discarded(rng):
    cell = SimpleRNNCell.initialize(1, 3, rng)
    with pytest.raises(ValueError, match="expected more than 21 steps, got 21"):
        log_growth(cell, np.ones((1, 21, 1)), rng)
