"""The language model: what it knows untrained, what it draws, and how its bits are counted."""

import math

import numpy as np
import pytest

from unrolled import SimpleRNNCell
from unrolled.language_model import bits_per_character, character_model, sample
from unrolled.losses import cross_entropy, one_hot, softmax
from unrolled.tasks import next_character
from unrolled.training import SequenceModel

TO_ROUNDING = 1e-12


def random_model(rng, classes=5, units=6):
    cell = SimpleRNNCell.initialize(classes, units, rng)
    return SequenceModel.initialize(cell, classes, rng, every_step=True)


def probabilities(model, characters, **temperature):
    scores, _ = model.outputs(one_hot([characters], model.cell.features))
    return softmax(scores[0], **temperature)


def test_untrained_model_loses_exactly_the_logarithm_of_the_vocabulary():
    model = character_model(7, 4, np.random.default_rng(0))
    result = model.loss_and_gradients(one_hot([[0, 3, 6]], 7), [[3, 6, 1]], loss=cross_entropy)
    assert abs(result.loss - math.log(7)) < TO_ROUNDING


def test_recurrent_weights_are_orthogonal_times_the_gain_and_input_weights_of_order_one():
    cell = character_model(90, 8, np.random.default_rng(0), gain=0.5, dtype="float32").cell
    square = cell.recurrent_kernel @ cell.recurrent_kernel.T
    np.testing.assert_allclose(square, np.eye(8) / 4, atol=1e-6)
    assert 0.95 < np.abs(cell.kernel).max() <= 1
    assert cell.dtype == np.float32


def test_bits_per_character_is_the_mean_over_what_is_not_skipped():
    rng = np.random.default_rng(3)
    model, text = random_model(rng), rng.integers(5, size=20)
    p = probabilities(model, text)
    by_hand = -np.mean([math.log2(p[t - 1, text[t]]) for t in range(5, 20)])
    assert abs(bits_per_character(model, text, skip=5) - by_hand) < TO_ROUNDING


@pytest.mark.parametrize("skip", [0, 3])
def test_bits_per_character_refuses_a_skip_that_leaves_nothing(skip):
    model = random_model(np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"expected 1 <= skip < 3, got {skip}"):
        bits_per_character(model, [0, 1, 2], skip=skip)


def test_sampled_words_occur_as_often_as_the_product_of_their_probabilities():
    rng = np.random.default_rng(4)
    model, words = random_model(rng, classes=3), 20_000
    drawn = sample(model, np.zeros((words, 1), int), 2, rng, temperature=1.5)
    for word in np.ndindex(3, 3):
        p = probabilities(model, [0, word[0]], temperature=1.5)
        expected = p[0, word[0]] * p[1, word[1]]
        counted = np.mean(np.all(drawn == word, axis=1))
        assert abs(counted - expected) < 5 * math.sqrt(expected * (1 - expected) / words)


def test_sampling_at_a_temperature_near_zero_follows_the_highest_score():
    rng = np.random.default_rng(5)
    model = random_model(rng)
    read = [2, 0]
    for _ in range(6):
        read.append(int(probabilities(model, read)[-1].argmax()))
    assert sample(model, [[2, 0]], 6, rng, temperature=1e-6).tolist() == [read[2:]]


def test_sampling_and_counting_bits_read_a_model_out_wherever_they_need_to():
    rng = np.random.default_rng(6)
    model, text = random_model(rng), rng.integers(5, size=9)
    last = model._replace(every_step=False)
    assert bits_per_character(last, text) == bits_per_character(model, text)
    drawn = [sample(m, [text], 20, np.random.default_rng(0)) for m in (model, last)]
    np.testing.assert_array_equal(*drawn)


def test_a_character_beyond_the_vocabulary_is_refused():
    model = random_model(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"expected indices in range\(5\), got 5"):
        sample(model, [[5, 0]], 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"expected indices in range\(5\), got 5"):
        bits_per_character(model, [5, 0])


def test_gradient_descent_on_the_model_learns_to_spell_hello():
    x, targets, vocabulary = next_character("hello")
    model = character_model(4, 3, np.random.default_rng(0))
    for _ in range(100):
        gradients = model.loss_and_gradients(x, targets, loss=cross_entropy).gradients
        for weight, gradient in zip(model.parameters, gradients, strict=True):
            weight -= 0.5 * gradient
    drawn = sample(model, [[0]], 4, np.random.default_rng(0), temperature=0.01)
    assert "".join(vocabulary[k] for k in drawn[0]) == "ello"
