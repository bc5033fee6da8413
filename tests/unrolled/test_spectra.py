"""Measured growth rates against cases whose answer is known exactly."""

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import schur

from unrolled import SimpleRNNCell, backpropagate_through_time, unroll
from unrolled.spectra import (
    half_life,
    log_growth,
    log_product_norms,
    log_singular_values,
    lyapunov_exponents,
    norms_by_step,
)
from unrolled.theory import gaussian_product_exponents, spectral_radius


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_norms_by_step_is_euclidean_over_units_and_rms_over_the_batch(rng):
    gradients = rng.normal(size=(3, 5, 7, 4))
    expected = np.empty((3, 7))
    for seed, step in np.ndindex(3, 7):
        lengths = [np.linalg.norm(g) for g in gradients[seed, :, step]]
        expected[seed, step] = np.sqrt(np.mean(np.square(lengths)))
    np.testing.assert_allclose(norms_by_step(gradients, time_axis=2), expected, rtol=1e-12)


def test_norms_by_step_take_all_axes_after_time_as_units(rng):
    """A ConvLSTM has rows, columns and channels; joining them changes no norm."""
    of_conv = rng.normal(size=(3, 5, 2, 4, 6))
    joined = of_conv.reshape(3, 5, -1)
    assert norms_by_step(of_conv).shape == (5,)
    np.testing.assert_allclose(norms_by_step(of_conv), norms_by_step(joined), rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "time_axis"), [((5, 3), 1), ((5,), 1), ((2, 5, 3), 0), ((2, 5, 3), 2)]
)
def test_gradients_without_axes_of_batch_time_and_units_are_refused(shape, time_axis):
    words = re.escape(f"(batch, time, ...units) with time as axis {time_axis}, got {shape}")
    with pytest.raises(ValueError, match=words):
        norms_by_step(np.ones(shape), time_axis=time_axis)


def test_norms_of_small_float32_gradients_do_not_underflow():
    norms = norms_by_step(np.full((2, 3, 4), 1e-30, np.float32))
    np.testing.assert_allclose(norms, 2e-30, 1e-6)


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


def test_exponents_of_a_linear_map_are_exact_along_its_schur_vectors(rng):
    basis = rng.normal(size=(5, 5))
    moduli = np.array([1.7, 1.1, 0.8, 0.3, 0.02])
    matrix = basis @ np.diag(moduli * [1, -1, 1, 1, -1]) @ np.linalg.inv(basis)
    triangle, vectors = schur(matrix)
    exponents = lyapunov_exponents([matrix] * 5, vectors)
    np.testing.assert_allclose(exponents, np.log(np.abs(np.diag(triangle))), atol=1e-11)
    np.testing.assert_allclose(np.sort(exponents)[::-1], np.log(moduli), atol=1e-11)


@pytest.mark.parametrize("units", [2, 8])
def test_exponents_of_independent_gaussian_matrices_are_newmans(rng, units):
    steps = 20_000 // units
    matrices = (1.3 / np.sqrt(units) * rng.normal(size=(units, units)) for _ in range(steps))
    exact = gaussian_product_exponents(units, 1.3)
    np.testing.assert_allclose(lyapunov_exponents(matrices), exact, atol=4 * 1.2 / np.sqrt(steps))


def test_logistic_map_has_exponent_ln_2_to_three_digits():
    x, slopes = 0.1234, []
    for _ in range(10_000):
        slopes.append(np.array([[4 * (1 - 2 * x)]]))
        x = 4 * x * (1 - x)
    assert lyapunov_exponents(slopes)[0] == pytest.approx(np.log(2), abs=5e-4)


def test_a_singular_jacobian_makes_an_exponent_minus_infinity():
    exponents = lyapunov_exponents([np.diag([2.0, 0.0])] * 3)
    np.testing.assert_array_equal(exponents, [np.log(2.0), -np.inf])


def test_exponents_of_nothing_are_refused():
    with pytest.raises(ValueError, match="at least one Jacobian, got none"):
        lyapunov_exponents([])


def test_product_norms_stay_at_zero_once_a_product_is_zero():
    shift = np.array([[0.0, 3.0], [0.0, 0.0]])
    logs = log_product_norms([shift, shift, np.eye(2)])
    np.testing.assert_array_equal(logs, [np.log(3.0), -np.inf, -np.inf])


def compound(matrix, order):
    """All minors of one order; its largest singular value is sigma_1 ... sigma_order."""
    subsets = list(combinations(range(len(matrix)), order))
    return np.array([[np.linalg.det(matrix[np.ix_(i, j)]) for j in subsets] for i in subsets])


def graded(rng):
    """Eigenvalues in ascending order: the first direction starts as the weakest."""
    return np.diag([0.2, 0.5, 1.0, 2.0, 4.0]) + np.triu(rng.normal(size=(5, 5)), 1)


@pytest.mark.parametrize("kind", ["independent", "powers", "graded powers"])
def test_all_singular_values_agree_with_norms_of_compound_matrices(rng, kind):
    if kind == "independent":
        jacobians = rng.normal(size=(60, 5, 5))
    else:
        jacobians = [graded(rng) if kind == "graded powers" else rng.normal(size=(5, 5))] * 60
    sums = [log_product_norms([compound(j, order) for j in jacobians]) for order in range(1, 6)]
    exact = np.diff(np.transpose(sums), axis=1, prepend=0)
    assert np.ptp(exact[-1]) > 60  # 26 orders of magnitude: the bare product has lost most
    np.testing.assert_allclose(log_singular_values(jacobians), exact, atol=1e-9)


@given(seed=st.integers(0, 10_000), units=st.integers(1, 9), steps=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_singular_values_of_short_products_are_numpys(seed, units, steps):
    jacobians = np.random.default_rng(seed).normal(size=(steps, units, units))
    product = np.eye(units)
    for jacobian, logs in zip(jacobians, log_singular_values(jacobians), strict=True):
        product = jacobian @ product
        sigma = np.linalg.svd(product, compute_uv=False)
        np.testing.assert_allclose(np.exp(logs), sigma, rtol=1e-6, atol=1e-12 * sigma[0])
        assert logs[0] == pytest.approx(np.log(sigma[0]), abs=1e-10)


def test_singular_values_sum_to_the_log_determinants_where_the_product_underflows(rng):
    jacobians = 1e-3 * rng.normal(size=(200, 4, 4))
    expected = np.cumsum(np.log(np.abs(np.linalg.det(jacobians))))
    sums = log_singular_values(jacobians).sum(axis=1)
    assert expected[-1] < -4000
    np.testing.assert_allclose(sums, expected, rtol=1e-10)


def test_singular_values_of_an_orthogonal_product_are_one(rng):
    turns = [SimpleRNNCell.initialize(1, 16, rng).recurrent_kernel for _ in range(50)]
    np.testing.assert_allclose(log_singular_values(turns), 0, atol=1e-12)


def test_dead_relu_units_leave_singular_values_of_minus_infinity(rng):
    options = {"recurrent": "gaussian", "gain": 1.5, "activation": "relu"}
    cell = SimpleRNNCell.initialize(3, 8, rng, **options)
    jacobians = cell.jacobian(unroll(cell, rng.normal(size=(1, 20, 3)))[0][0])
    logs = log_singular_values(jacobians)
    assert not np.isnan(logs).any() and np.isneginf(logs[-1, -1])
    np.testing.assert_allclose(logs[:, 0], log_product_norms(jacobians), atol=1e-9)


def test_transposes_in_reverse_order_give_the_spectrum_of_dh_T_by_dh_t(rng):
    cell = SimpleRNNCell.initialize(2, 5, rng, gain=1.2)
    jacobians = cell.jacobian(unroll(cell, rng.normal(size=(1, 7, 2)))[0][0])
    logs = log_singular_values(jacobians[::-1].swapaxes(1, 2))
    back_two = jacobians[6] @ jacobians[5] @ jacobians[4]  # dh_7/dh_4
    sigma = np.linalg.svd(back_two, compute_uv=False)
    np.testing.assert_allclose(logs[2], np.log(sigma), rtol=1e-9)
    assert abs(logs[2] - log_singular_values(jacobians)[2]).max() > 0.05


def test_half_life_of_a_chain_is_ln_2_over_its_rate():
    cell = SimpleRNNCell(np.ones((1, 1)), np.array([[0.98]]), np.zeros(1), "linear")
    states, cache = unroll(cell, np.zeros((1, 60, 1)))
    d_states = np.zeros_like(states)
    d_states[:, -1] = 1
    norms = norms_by_step(backpropagate_through_time(cell, cache, d_states).states)
    assert half_life(norms) == pytest.approx(np.log(2) / -np.log(0.98), rel=1e-10)


def test_half_life_is_negative_for_growth_infinite_for_neither_and_skips_zeros():
    halved = 2.0 ** np.arange(-30, 0)
    assert half_life(halved[::-1]) == pytest.approx(-1, rel=1e-12)
    assert half_life(np.ones(10)) == np.inf
    assert half_life(np.concatenate([np.zeros(20), halved])) == pytest.approx(1, rel=1e-12)
    assert half_life([0, 1, 0, 4, 0]) == pytest.approx(1, rel=1e-12)  # two points make a line
    assert abs(half_life(np.full(10, 0.3))) > 1e15


def test_half_life_hardly_feels_one_kink():
    halved = 2.0 ** (np.arange(50) / 10)
    halved[-1] *= 20  # as in an LSTM, where h_T passes on little to h_{T-1}
    assert half_life(halved) == pytest.approx(10, rel=0.2)
    first_to_last = 49 / np.log2(halved[-1] / halved[0])
    assert abs(first_to_last - 10) > 4


@pytest.mark.parametrize("norms", [np.ones((2, 3)), [1.0], [0.0, 0.0, 2.0], [1, -1], [1, np.nan]])
def test_half_life_refuses_what_is_no_curve(norms):
    with pytest.raises(ValueError, match="one finite norm for each step"):
        half_life(norms)


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
    with pytest.raises(ValueError, match=r"expected 0 <= discard < 20, steps less one, got 20"):
        log_growth(cell, np.ones((1, 21, 1)), rng)
    assert np.isfinite(log_growth(cell, np.ones((1, 22, 1)), rng))


def test_log_growth_refuses_to_count_steps_that_are_not_there(rng):
    with pytest.raises(ValueError, match="expected 0 <= discard < 39, steps less one, got -1"):
        log_growth(SimpleRNNCell.initialize(1, 3, rng), np.ones((1, 40, 1)), rng, discard=-1)


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_log_growth_holds_until_numbers_end_and_says_so_then(rng, gain):
    cell = SimpleRNNCell.initialize(1, 8, rng, gain=gain, activation="linear")
    cell.kernel[...] = 0
    assert log_growth(cell, np.ones((1, 900, 1)), rng) == pytest.approx(np.log(gain))
    too_long = np.ones((1, 2000, 1))
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="float64 holds over 1979 steps"),
    ):
        log_growth(cell, too_long, rng)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_norms_reach_as_far_as_numbers_do(size):
    gradients = size * np.array([[[3.0, 4.0], [0.0, 0.0]], [[3.0, 4.0], [0.0, 0.0]]])
    np.testing.assert_allclose(norms_by_step(gradients), [5 * size, 0.0])


def test_norms_of_steps_of_very_different_size_do_not_disturb_each_other():
    sizes = np.array([1e-300, 1.0, 1e300])
    np.testing.assert_allclose(norms_by_step(sizes[None, :, None] * np.ones((2, 3, 4))), 2 * sizes)


def test_norms_of_what_is_not_finite_are_not_finite():
    norms = norms_by_step(np.array([[[np.inf], [np.nan], [1.0]]]))
    assert norms[0] == np.inf and np.isnan(norms[1]) and norms[2] == 1


def test_exponents_do_not_depend_on_the_lengths_of_the_directions_followed(rng):
    start, matrices = rng.normal(size=(4, 2)), rng.normal(size=(30, 4, 4))
    exponents = [lyapunov_exponents(matrices, size * start) for size in (1.0, 1e10)]
    np.testing.assert_allclose(*exponents)


def test_more_directions_than_units_are_refused(rng):
    with pytest.raises(ValueError, match="expected at most 2 directions, got 3"):
        lyapunov_exponents([np.eye(2)], np.ones((2, 3)))


@pytest.mark.parametrize("steps", [7, 10, 50])
@pytest.mark.parametrize("norm", [0.1, 1.0, 1e-200])
def test_half_life_of_what_stays_is_infinite(norm, steps):
    assert half_life(np.full(steps, norm)) == np.inf
