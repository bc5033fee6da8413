"""The checker: right where the gradient is right, and loud where it is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unrolled import central_difference, gradient_check, relative_error

ROUNDING = 1e-11  # of a five-point difference of values of order 1
finite = st.floats(-10, 10)
KERNEL = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-0.5, 1.0, 0.3]])
X = np.array([0.3, -0.7, 1.1])


def function(x):
    return float(np.tanh(x @ KERNEL) @ [1.0, 2.0, -1.0])


def gradient(x, kernel=KERNEL):
    return kernel @ ((1 - np.tanh(x @ KERNEL) ** 2) * [1.0, 2.0, -1.0])


@given(st.lists(finite, min_size=5, max_size=5), finite)
def test_difference_is_exact_for_polynomials_of_degree_four(coefficients, x):
    p = np.polynomial.Polynomial(coefficients)
    error = central_difference(lambda v: p(v[0]), np.array([x])) - p.deriv()(x)
    assert np.abs(error) <= ROUNDING * (1 + np.abs(coefficients) @ np.abs(x) ** np.arange(5))


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 2)])
def test_difference_has_the_shape_of_x_and_leaves_x_alone(shape):
    x = np.full(shape, 0.5)
    difference = central_difference(lambda v: np.sum(v**2), x)
    assert difference.shape == shape
    np.testing.assert_allclose(difference, 1.0, atol=ROUNDING)
    np.testing.assert_array_equal(x, np.full(shape, 0.5))


def test_difference_scales_its_step_with_x():
    x = 1234567.89
    slope = central_difference(lambda v: float(v[0] ** 2), np.array([x])).item()
    assert slope == pytest.approx(2 * x, rel=ROUNDING)


@pytest.mark.parametrize("x", [np.ones(2, np.float32), np.ones(2, int), np.ones(0)])
def test_difference_is_refused_unless_x_is_float64_and_not_empty(x):
    with pytest.raises(ValueError, match=rf"float64 and not empty, got {x.dtype} \({x.size},\)"):
        central_difference(np.sum, x)


@given(arrays(float, 4, elements=finite), arrays(float, 4, elements=finite))
def test_relative_error_is_symmetric_and_at_most_two(a, b):
    assert relative_error(a, b) == relative_error(b, a) <= 2
    assert relative_error(a, a) == 0


def test_relative_error_is_measured_against_the_larger_norm():
    assert relative_error([3.0, 4.0], [0.0, 0.0]) == 1
    assert relative_error([2.0], [1.0]) == 0.5
    assert relative_error([1.0], [-1.0]) == 2


@pytest.mark.parametrize("other", [0.0, 1.0])
@pytest.mark.parametrize("place", [0, 1])
def test_relative_error_of_nan_is_nan_wherever_it_stands(place, other):
    pair = [np.full(2, other), np.full(2, other)]
    pair[place] = np.array([np.nan, 1.0])
    assert np.isnan(relative_error(*pair))


def test_relative_error_is_refused_for_different_shapes():
    with pytest.raises(ValueError, match=r"one shape, got \(2,\) and \(2, 1\)"):
        relative_error(np.ones(2), np.ones((2, 1)))


def test_a_right_gradient_passes_and_its_error_is_returned():
    assert 0 <= gradient_check(function, gradient(X), X) < 1e-10


@pytest.mark.parametrize(
    "wrong",
    [
        -gradient(X),
        1.000001 * gradient(X),
        gradient(X, KERNEL.T),
        gradient(X) + np.array([0, 1e-5, 0]),
        np.zeros(3),
    ],
    ids=["sign", "factor", "transposed", "one entry", "zero"],
)
def test_a_planted_error_is_caught_and_both_numbers_are_named(wrong):
    with pytest.raises(AssertionError) as error:
        gradient_check(function, wrong, X)
    worst = np.argmax(np.abs(wrong - gradient(X)))
    assert f"worst at ({worst},)" in str(error.value)
    assert f"it is {wrong[worst]:.8g} and" in str(error.value)
    assert f"difference is {gradient(X)[worst]:.8g}" in str(error.value)


def test_tolerance_decides():
    almost = 1.00001 * gradient(X)
    gradient_check(function, almost, X, tolerance=2e-5)
    with pytest.raises(AssertionError, match="tolerance 5e-06"):
        gradient_check(function, almost, X, tolerance=5e-6)


def test_nan_in_the_gradient_is_caught():
    with pytest.raises(AssertionError, match="relative error of nan"):
        gradient_check(function, np.array([np.nan, 0, 0]), X)


def test_nan_from_the_function_is_caught():
    with pytest.raises(AssertionError, match="difference is nan"):
        gradient_check(lambda x: np.nan, gradient(X), X)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(1, 3\) and \(3,\)"):
        gradient_check(function, gradient(X)[None], X)


@pytest.mark.parametrize(("dtype", "small"), [("float32", 1e-25), ("float64", 1e-170)])
def test_relative_error_of_small_and_of_large_arrays_is_that_of_others(dtype, small):
    for size in (small, 1.0, 1 / small):
        one, nine = np.array([size], dtype), np.array([9 * size], dtype)
        assert relative_error(one, nine) == pytest.approx(8 / 9, rel=1e-6)


def test_relative_error_of_unsigned_integers_is_that_of_their_values():
    assert relative_error(np.array([1], "u1"), np.array([2], "u1")) == 0.5


def test_a_planted_error_is_caught_in_a_gradient_that_has_vanished():
    x = np.array([1.0, 2.0])
    with pytest.raises(AssertionError, match="off by a relative error"):
        gradient_check(lambda v: float(1e-170 * (v @ v)), np.array([1e-170, 5e-170]), x)
