"""Losses and their gradients, probabilities from scores, and what is no class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import gradient_check
from unrolled.losses import cross_entropy, one_hot, softmax, squared_error

TO_ROUNDING = 1e-12


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=8), st.floats(-500, 500))
def test_softmax_sums_to_one_and_ignores_a_common_shift(scores, shift):
    p = softmax(np.array(scores))
    assert p.min() >= 0 and abs(p.sum() - 1) < TO_ROUNDING
    np.testing.assert_allclose(softmax(np.array(scores) + shift), p, atol=1e-9)


def test_softmax_at_low_temperature_is_the_greedy_choice_and_at_high_temperature_even():
    scores = np.array([1.0, 3.0, 2.0])
    np.testing.assert_allclose(softmax(scores, temperature=1e-3), [0, 1, 0], atol=TO_ROUNDING)
    np.testing.assert_allclose(softmax(scores, temperature=1e9), [1 / 3] * 3, atol=1e-8)
    np.testing.assert_array_equal(softmax(np.array([1, 5], "f4"), temperature=1e-38), [0, 1])


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_softmax_refuses_a_temperature_that_is_not_positive(temperature):
    with pytest.raises(ValueError, match="temperature above 0"):
        softmax(np.zeros(2), temperature=temperature)


def test_cross_entropy_is_minus_the_mean_logarithm_of_the_probabilities_of_the_targets():
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(5, 4)), rng.integers(4, size=5)
    loss, _ = cross_entropy(scores, targets)
    p = softmax(scores)[np.arange(5), targets]
    assert loss == pytest.approx(-np.log(p).mean(), rel=TO_ROUNDING)


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_gradients_of_losses_agree_with_central_differences(loss):
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(2, 3, 4))
    of = {cross_entropy: rng.integers(4, size=(2, 3)), squared_error: rng.normal(size=(2, 3, 4))}
    gradient_check(lambda y: loss(y, of[loss])[0], loss(outputs, of[loss])[1], outputs)


def test_cross_entropy_survives_scores_that_overflow_exp():
    loss, d_scores = cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))
    assert loss == 1e4
    assert d_scores.tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_losses_keep_the_precision_of_the_outputs(dtype):
    outputs = np.ones((1, 2), dtype)
    assert cross_entropy(outputs, [1])[1].dtype == dtype
    assert squared_error(outputs, [[1.0, 2.0]])[1].dtype == dtype


@pytest.mark.parametrize("targets", [[0], [[0, 1]], [2, 0], [-1, 0], [1.0, 0.0]])
def test_cross_entropy_refuses_targets_that_are_not_one_class_for_each_row(targets):
    with pytest.raises(ValueError, match=r"expected (targets|indices)"):
        cross_entropy(np.zeros((2, 2)), np.array(targets))


@pytest.mark.parametrize("targets", [np.ones((2, 2)), np.ones(3), np.ones((0, 1))])
def test_squared_error_refuses_targets_of_another_shape(targets):
    with pytest.raises(ValueError, match=r"expected targets of shape \(2, 1\), got"):
        squared_error(np.ones((2, 1)), targets)


def test_whole_numbers_are_taken_as_floating_point_numbers():
    loss, d_outputs = squared_error([1, 2], [1.5, 4])
    assert loss == 2.125 and d_outputs.tolist() == [-0.5, -2.0]
    assert cross_entropy(np.array([[1, 2]], "u1"), np.zeros(1, int))[0] == pytest.approx(1.3132617)


@given(st.lists(st.integers(0, 4), max_size=6), st.sampled_from(["float32", "float64", "bool"]))
def test_one_hot_vectors_have_their_one_at_the_index(indices, dtype):
    vectors = one_hot(np.array(indices, int), 5, dtype=dtype)
    assert vectors.shape == (len(indices), 5) and vectors.dtype == dtype
    np.testing.assert_array_equal(vectors.argmax(axis=-1), indices)
    np.testing.assert_array_equal(vectors.sum(axis=-1), np.ones(len(indices)))


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_of_no_class_is_refused(index):
    with pytest.raises(ValueError, match=rf"expected indices in range\(5\), got {index}"):
        one_hot([[index, 0]], 5)


def test_classes_that_are_no_integers_are_refused():
    with pytest.raises(ValueError, match="expected indices of classes as integers, got float64"):
        one_hot(np.ones(1), 3)
