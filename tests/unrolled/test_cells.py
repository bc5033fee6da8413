"""One step of a cell: parameters, Jacobian, initialization."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled import SimpleRNNCell, central_difference

JACOBIAN = 1e-10  # absolute; entries are of order 1, central differences good to about 1e-12
ROUNDING = 1e-12
SAMPLING = 0.05  # relative error of a variance estimated from 40,000 draws is below .01


def random_cell(features, units, seed, activation="tanh", dtype=np.float64):
    rng = np.random.default_rng(seed)
    cell = SimpleRNNCell.initialize(features, units, rng, activation=activation, dtype=dtype)
    return dataclasses.replace(cell, bias=rng.normal(size=units).astype(dtype))


def test_a_step_is_the_equation():
    cell = SimpleRNNCell([[0.5], [-2.0]], [[0.25]], [0.125])
    x, h = np.array([[1.0, 0.5]]), np.array([[-0.5]])
    state, gates = cell.step(cell.project(x), h)
    assert gates.shape == (1, 0)
    assert state == np.tanh(0.5 - 1.0 - 0.125 + 0.125)


@settings(max_examples=30)
@given(
    units=st.integers(1, 5),
    batch=st.integers(1, 3),
    activation=st.sampled_from(["tanh", "linear"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_jacobian_is_the_derivative_of_a_step(units, batch, activation, seed):
    cell = random_cell(2, units, seed, activation)
    rng = np.random.default_rng(seed)
    projected, h = cell.project(rng.normal(size=(batch, 2))), rng.normal(size=(batch, units))
    jacobian = cell.jacobian(cell.step(projected, h)[0])
    assert jacobian.shape == (batch, units, units)
    for b in range(batch):
        for i in range(units):
            row = central_difference(lambda v, b=b, i=i: cell.step(projected[b], v)[0][i], h[b])
            np.testing.assert_allclose(jacobian[b, i], row, rtol=0, atol=JACOBIAN)


def test_jacobian_of_relu_keeps_the_rows_of_the_units_that_are_on():
    cell = SimpleRNNCell(np.ones((1, 2)), [[1.0, 2.0], [3.0, 4.0]], np.zeros(2), "relu")
    h, _ = cell.step(cell.project(np.array([1.0])), np.array([1.0, -1.0]))
    np.testing.assert_array_equal(h, [0, 0])
    on, _ = cell.step(cell.project(np.array([1.5])), np.array([1.0, -0.75]))
    np.testing.assert_array_equal(on, [0.25, 0.5])
    np.testing.assert_array_equal(cell.jacobian(h), np.zeros((2, 2)))
    np.testing.assert_array_equal(cell.jacobian(np.array([0.25, 0.0])), [[1, 3], [0, 0]])


@pytest.mark.parametrize("units", [1, 2, 7])
def test_orthogonal_recurrence_is_orthogonal_times_gain(units):
    rng = np.random.default_rng(units)
    w = SimpleRNNCell.initialize(3, units, rng, recurrent="orthogonal", gain=1.5).recurrent_kernel
    np.testing.assert_allclose(w @ w.T, 1.5**2 * np.eye(units), atol=ROUNDING)


def test_orthogonal_recurrence_has_determinants_of_both_signs():
    """QR without its sign fix gives one sign only, so not the uniform distribution."""
    rng = np.random.default_rng(0)
    signs = {
        np.sign(np.linalg.det(SimpleRNNCell.initialize(1, 4, rng).recurrent_kernel)).item()
        for _ in range(30)
    }
    assert signs == {-1.0, 1.0}


def test_gaussian_recurrence_has_variance_one_over_units():
    rng = np.random.default_rng(0)
    cell = SimpleRNNCell.initialize(1, 200, rng, recurrent="gaussian", gain=2.0)
    assert 200 * cell.recurrent_kernel.var() == pytest.approx(2.0**2, rel=SAMPLING)


def test_identity_recurrence_is_the_identity_times_gain():
    rng = np.random.default_rng(0)
    cell = SimpleRNNCell.initialize(1, 3, rng, recurrent="identity", gain=0.5)
    np.testing.assert_array_equal(cell.recurrent_kernel, 0.5 * np.eye(3))


def test_kernel_is_glorot_uniform_and_bias_is_zero():
    cell = SimpleRNNCell.initialize(150, 250, np.random.default_rng(0))
    limit = np.sqrt(6 / 400)
    assert np.abs(cell.kernel).max() <= limit
    assert cell.kernel.var() == pytest.approx(limit**2 / 3, rel=SAMPLING)
    assert not cell.bias.any()


def test_a_seed_draws_the_same_cell_and_another_seed_another():
    first, again, other = (
        SimpleRNNCell.initialize(2, 3, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.kernel, again.kernel)
    np.testing.assert_array_equal(first.recurrent_kernel, again.recurrent_kernel)
    assert (first.recurrent_kernel != other.recurrent_kernel).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_part_of_a_step_has_the_precision_of_the_weights(dtype):
    for activation in ("tanh", "relu", "linear"):
        cell = random_cell(2, 3, 0, activation, dtype)
        x, h = np.ones((1, 2), dtype), np.ones((1, 3), dtype)
        state, gates = cell.step(cell.project(x), h)
        slope = cell.slopes(h, state, gates)
        results = (state, slope, *cell.step_back(h, slope), cell.jacobian(state))
        assert {a.dtype for a in (*results, cell.recurrent_kernel)} == {np.dtype(dtype)}


def test_sizes_and_precision_can_be_read_from_a_cell():
    cell = random_cell(2, 3, 0, dtype=np.float32)
    assert (cell.features, cell.units, cell.dtype) == (2, 3, np.float32)


@pytest.mark.parametrize(
    ("shapes", "got"),
    [
        (((2, 3), (3, 3), (4,)), "got (2, 3), (3, 3) and (4,)"),
        (((2, 3), (3, 2), (3,)), "got (2, 3), (3, 2) and (3,)"),
        (((2, 3), (2, 3), (3,)), "got (2, 3), (2, 3) and (3,)"),
        (((3,), (3, 3), (3,)), "got (3,), (3, 3) and (3,)"),
        (((2, 3), (3, 3), (1, 3)), "got (2, 3), (3, 3) and (1, 3)"),
        (((2, 3), (3, 3), ()), "got (2, 3), (3, 3) and ()"),
        (((0, 3), (3, 3), (3,)), "none empty, got (0, 3)"),
        (((2, 0), (0, 0), (0,)), "none empty, got (2, 0)"),
    ],
)
def test_weights_that_do_not_fit_together_are_refused(shapes, got):
    with pytest.raises(ValueError) as error:
        SimpleRNNCell(*map(np.ones, shapes))
    assert "expected kernel (features, units)" in str(error.value)
    assert got in str(error.value)


@pytest.mark.parametrize("dtypes", [("f4", "f8", "f8"), ("f8", "f8", "f4"), ("i8", "i8", "i8")])
def test_weights_of_mixed_or_integer_type_are_refused(dtypes):
    weights = [np.ones(s, t) for s, t in zip([(1, 1), (1, 1), (1,)], dtypes, strict=True)]
    with pytest.raises(ValueError, match="expected weights of one floating-point dtype, got"):
        SimpleRNNCell(*weights)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="expected finite weights, got NaN or infinity"):
        SimpleRNNCell(np.ones((1, 1)), np.full((1, 1), value), np.ones(1))


def test_an_unknown_activation_is_refused_by_name():
    with pytest.raises(ValueError, match=r"one of \['linear', 'relu', 'tanh'\], got 'sigmoid'"):
        random_cell(1, 1, 0, "sigmoid")


def test_an_unknown_recurrence_is_refused_by_name():
    with pytest.raises(ValueError, match=r"one of \('orthogonal', .*'identity'\), got 'unit'"):
        SimpleRNNCell.initialize(1, 1, np.random.default_rng(0), recurrent="unit")
