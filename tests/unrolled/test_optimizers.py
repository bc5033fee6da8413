"""Clipping changes what it says it changes, and Adam takes the steps of its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.optimizers import Adam, clip_by_norm, clip_by_value

ROUNDING = 1e-12

entries = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-6)
gradients = st.lists(entries, min_size=2, max_size=12).map(np.array)
limits = st.floats(1e-3, 1e3)


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


@given(gradients, limits)
def test_clipping_by_norm_bounds_the_norm_and_keeps_the_direction(gradient, limit):
    (clipped,), norm = clip_by_norm([gradient], limit)
    assert norm == pytest.approx(np.linalg.norm(gradient), rel=ROUNDING)
    assert np.linalg.norm(clipped) <= limit * (1 + ROUNDING)
    if norm > 0:
        assert cosine(clipped, gradient) == pytest.approx(1, abs=ROUNDING)
    if norm <= limit:
        assert np.array_equal(clipped, gradient)


def test_clipping_by_norm_takes_the_common_norm_of_all_arrays():
    clipped, norm = clip_by_norm([np.array([[3.0, 4.0]]), np.array([12.0])], 1.3)
    assert norm == 13
    assert np.allclose(clipped[0], [[0.3, 0.4]], rtol=ROUNDING)
    assert np.allclose(clipped[1], [1.2], rtol=ROUNDING)


def test_clipping_by_norm_lets_through_what_is_below_the_limit():
    (clipped,), norm = clip_by_norm([np.array([0.3, -0.4])], 1.0)
    assert norm == 0.5 and clipped.tolist() == [0.3, -0.4]


def test_clipping_by_norm_sums_float32_squares_that_float32_cannot_hold():
    (clipped,), norm = clip_by_norm([np.full(4, 1e25, np.float32)], 1.0)
    assert norm == pytest.approx(2e25, rel=1e-6)
    assert clipped.dtype == np.float32 and np.allclose(clipped, 0.5)


@given(gradients, limits)
def test_clipping_by_value_bounds_every_entry_and_touches_no_other(gradient, limit):
    (clipped,) = clip_by_value([gradient], limit)
    inside = np.abs(gradient) <= limit
    assert np.array_equal(clipped[inside], gradient[inside])
    assert np.array_equal(clipped[~inside], limit * np.sign(gradient[~inside]))


@given(gradients, limits)
def test_the_angle_of_clipping_by_value_stays_below_its_bound(gradient, limit):
    (clipped,) = clip_by_value([gradient], limit)
    if np.any(gradient):
        assert cosine(clipped, gradient) >= 1 / np.sqrt(len(gradient)) - ROUNDING


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_one_huge_entry_comes_as_near_to_that_bound_as_one_likes(n):
    gradient = np.ones(n)
    gradient[0] = 1e9
    (clipped,) = clip_by_value([gradient], 1.0)
    assert cosine(clipped, gradient) == pytest.approx(1 / np.sqrt(n), rel=1e-5)


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_clipping_leaves_its_input_and_the_precision_as_they_are(clip):
    gradient = np.array([3.0, -4.0], np.float32)
    result = clip([gradient], 1.0)
    (clipped,) = result[0] if clip is clip_by_norm else result
    assert gradient.tolist() == [3.0, -4.0] and clipped.dtype == np.float32


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_clipping_demands_a_positive_limit(clip, limit):
    with pytest.raises(ValueError, match="expected a positive limit, got"):
        clip([np.ones(2)], limit)


def test_the_zero_gradient_passes_both():
    zero = np.zeros(3)
    (by_norm,), norm = clip_by_norm([zero], 1.0)
    assert norm == 0 and not by_norm.any() and not clip_by_value([zero], 1.0)[0].any()


def test_adam_forgets_the_scale_of_its_gradients():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(20, 3))
    ends = []
    for scale in (1.0, 1e-3):
        w = np.zeros(3)
        optimizer = Adam([w], epsilon=1e-12)
        for gradient in draws:
            optimizer.update([scale * gradient])
        ends.append(w)
    assert np.allclose(*ends, rtol=1e-6)


def test_adam_takes_the_steps_of_its_definition():
    """Means written as sums over all gradients so far; some as small as epsilon, and seen by it."""
    gradients = np.random.default_rng(0).normal(size=(6, 3)) * [1e-8, 1.0, 1e3]
    w, expected = np.ones(3), np.ones(3)
    optimizer = Adam([w])
    for t in range(1, 7):
        rate = 0.5 if t == 4 else None
        optimizer.update([gradients[t - 1]], learning_rate=rate)
        ages, seen = np.arange(t)[::-1, None], gradients[:t]
        mean = np.sum(0.1 * 0.9**ages * seen, axis=0) / (1 - 0.9**t)
        square = np.sum(0.001 * 0.999**ages * seen**2, axis=0) / (1 - 0.999**t)
        expected -= (rate or 1e-3) * mean / (np.sqrt(square) + 1e-8)
        np.testing.assert_allclose(w, expected, rtol=1e-10)


def test_adam_updates_several_weights_as_it_would_each_alone():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype("f") for shape in ((2, 3), (4,), (), (5, 2, 1))]
    weights[0] = np.asfortranarray(weights[0])  # whose memory has another order
    alone = [w.copy() for w in weights]
    together, singly = Adam(weights), [Adam([w]) for w in alone]
    for _ in range(3):
        gradients = [rng.normal(size=w.shape).astype("f") for w in weights]
        together.update(gradients)
        for optimizer, gradient in zip(singly, gradients, strict=True):
            optimizer.update([gradient])
    for one, other in zip(weights, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_adam_refuses_gradients_of_other_shapes():
    optimizer = Adam([np.ones(3), np.ones(2)])
    with pytest.raises(ValueError, match=r"shapes \[\(3,\), \(2,\)\], got \[\(3,\)\]"):
        optimizer.update([np.ones(3)])


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_clipping_by_norm_keeps_the_direction_of_very_short_and_very_long_gradients(size):
    gradient = size * np.array([3.0, 4.0])
    (clipped,), norm = clip_by_norm([gradient], size)
    assert norm == pytest.approx(5 * size)
    np.testing.assert_allclose(clipped, size * np.array([0.6, 0.8]))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_clipping_by_norm_refuses_a_gradient_without_direction(value):
    with pytest.raises(
        FloatingPointError, match=f"expected gradients of a finite norm, got {value}"
    ):
        clip_by_norm([np.ones(2), np.array([value])], 1.0)


def test_clipping_takes_whole_numbers_and_any_iterable():
    np.testing.assert_allclose(clip_by_norm(iter([np.array([3, 4])]), 1.0)[0], [[0.6, 0.8]])
    np.testing.assert_array_equal(clip_by_value(iter([np.array([3, -4])]), 0.5), [[0.5, -0.5]])
