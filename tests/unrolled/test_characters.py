"""What a character model computes, and the count-based models that it has to beat."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import SimpleRNNCell, gradient_check
from unrolled.language_model import LanguageModel
from unrolled.losses import cross_entropy, softmax
from unrolled.ngrams import NGramModel
from unrolled.optimizers import Adam, clip_by_norm
from unrolled.tasks import next_character, parallel_streams

DATA = Path(__file__).parents[2] / "lectures" / "data"
TO_ROUNDING = 1e-12


def random_model(rng, classes=5, units=6):
    cell = SimpleRNNCell.initialize(classes, units, rng)
    return LanguageModel(cell, rng.normal(size=(units, classes)), rng.normal(size=classes))


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=8), st.floats(-500, 500))
def test_softmax_sums_to_one_and_ignores_a_common_shift(scores, shift):
    p = softmax(np.array(scores))
    assert p.min() >= 0 and abs(p.sum() - 1) < TO_ROUNDING
    np.testing.assert_allclose(softmax(np.array(scores) + shift), p, atol=1e-9)


def test_softmax_at_low_temperature_is_the_greedy_choice_and_at_high_temperature_even():
    scores = np.array([1.0, 3.0, 2.0])
    np.testing.assert_allclose(softmax(scores, temperature=1e-3), [0, 1, 0], atol=TO_ROUNDING)
    np.testing.assert_allclose(softmax(scores, temperature=1e9), [1 / 3] * 3, atol=1e-8)


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_softmax_refuses_a_temperature_that_is_not_positive(temperature):
    with pytest.raises(ValueError, match="temperature above 0"):
        softmax(np.zeros(2), temperature=temperature)


def test_cross_entropy_gradient_agrees_with_central_differences():
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(2, 3, 4)), rng.integers(4, size=(2, 3))
    _, d_scores = cross_entropy(scores, targets)
    gradient_check(lambda y: cross_entropy(y, targets)[0], d_scores, scores)


def test_cross_entropy_survives_scores_that_overflow_exp():
    loss, d_scores = cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))
    assert loss == 1e4
    assert d_scores.tolist() == [[1.0, -1.0]]


def test_cross_entropy_keeps_float32():
    assert cross_entropy(np.zeros((1, 2), np.float32), np.array([1]))[1].dtype == np.float32


@pytest.mark.parametrize("targets", [[0], [[0, 1]], [2, 0], [-1, 0]])
def test_cross_entropy_refuses_targets_that_do_not_fit(targets):
    with pytest.raises(ValueError, match="expected targets"):
        cross_entropy(np.zeros((2, 2)), np.array(targets))


def test_untrained_model_loses_exactly_the_logarithm_of_the_vocabulary():
    model = LanguageModel.initialize(7, 4, np.random.default_rng(0))
    loss, _, _ = model.loss_and_gradients(np.array([[0, 3, 6]]), np.array([[3, 6, 1]]))
    assert abs(loss - math.log(7)) < TO_ROUNDING


@pytest.mark.parametrize("which", range(5))
def test_model_gradients_agree_with_central_differences(which):
    rng = np.random.default_rng(1)
    model = random_model(rng)
    read, targets = rng.integers(5, size=(2, 2, 7))
    state = rng.normal(size=(2, 6))
    _, gradients, _ = model.loss_and_gradients(read, targets, state)

    def loss(weight):
        *cell, kernel, bias = [weight if i == which else w for i, w in enumerate(model.parameters)]
        changed = LanguageModel(SimpleRNNCell(*cell), kernel, bias)
        return changed.loss_and_gradients(read, targets, state)[0]

    gradient_check(loss, gradients[which], model.parameters[which])


def test_carrying_the_state_over_pieces_changes_no_score():
    rng = np.random.default_rng(2)
    model, read = random_model(rng), rng.integers(5, size=(3, 10))
    whole, _ = model.scores(read)
    first, cache = model.scores(read[:, :4])
    second, _ = model.scores(read[:, 4:], cache.states[:, -1])
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=TO_ROUNDING)


def test_bits_per_character_is_the_mean_over_what_is_not_skipped():
    rng = np.random.default_rng(3)
    model, text = random_model(rng), rng.integers(5, size=20)
    p = softmax(model.scores(text[None])[0][0])
    by_hand = -np.mean([math.log2(p[t - 1, text[t]]) for t in range(5, 20)])
    assert abs(model.bits_per_character(text, skip=5) - by_hand) < TO_ROUNDING


@pytest.mark.parametrize("skip", [0, 3])
def test_bits_per_character_refuses_a_skip_that_leaves_nothing(skip):
    model = random_model(np.random.default_rng(0))
    with pytest.raises(ValueError, match="skip"):
        model.bits_per_character(np.array([0, 1, 2]), skip=skip)


def test_sampled_words_occur_as_often_as_the_product_of_their_probabilities():
    rng = np.random.default_rng(4)
    model, words = random_model(rng, classes=3), 20_000
    drawn = model.sample(np.zeros((words, 1), int), 2, rng, temperature=1.5)
    for word in np.ndindex(3, 3):
        p = softmax(model.scores(np.array([[0, word[0]]]))[0][0], temperature=1.5)
        expected = p[0, word[0]] * p[1, word[1]]
        counted = np.mean(np.all(drawn == word, axis=1))
        assert abs(counted - expected) < 5 * math.sqrt(expected * (1 - expected) / words)


def test_sampling_at_a_temperature_near_zero_follows_the_highest_score():
    rng = np.random.default_rng(5)
    model = random_model(rng)
    read = [2]
    for _ in range(6):
        read.append(int(model.scores(np.array([read]))[0][0, -1].argmax()))
    drawn = model.sample(np.array([[2]]), 6, rng, temperature=1e-6)
    assert drawn.tolist() == [read[1:]]


def test_adam_takes_the_steps_of_its_definition():
    w, rate, b1, b2, epsilon = np.array([1.0, -2.0]), 0.1, 0.9, 0.999, 1e-8
    expected, m, v = w.copy(), 0, 0
    adam = Adam([w], learning_rate=rate)
    for t in range(1, 6):
        g = np.array([0.3, -5.0]) * t
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        expected -= rate * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + epsilon)
        adam.update([g])
    np.testing.assert_allclose(w, expected, rtol=TO_ROUNDING)


def test_adam_refuses_gradients_of_another_shape():
    with pytest.raises(ValueError, match="shapes"):
        Adam([np.zeros(2)]).update([np.zeros(3)])


def test_clipping_shortens_long_gradients_and_leaves_direction_and_short_ones():
    gradients = [np.array([[3.0, 0.0]]), np.array([4.0])]
    clipped, norm = clip_by_norm(gradients, 2.5)
    assert norm == 5.0
    np.testing.assert_allclose(clipped[0], [[1.5, 0.0]])
    np.testing.assert_allclose(clipped[1], [2.0])
    untouched, _ = clip_by_norm(gradients, 6.0)
    assert all(np.array_equal(a, b) for a, b in zip(untouched, gradients, strict=True))
    zero, norm = clip_by_norm([np.zeros(3)], 1.0)
    assert norm == 0.0 and zero[0].tolist() == [0.0, 0.0, 0.0]


@given(st.text("abc", min_size=1, max_size=30), st.text("abcd", max_size=6), st.integers(0, 4))
def test_ngram_probabilities_sum_to_one_after_any_history(text, history, context):
    model = NGramModel(text, context, "abcd")
    p = [model.probability(character, history) for character in "abcd"]
    assert min(p) > 0 and abs(sum(p) - 1) < TO_ROUNDING


def test_bigram_probabilities_worked_by_hand():
    model = NGramModel("hello", 1, "helo")
    # Unigram: counts h 1, e 1, l 2, o 1, four types, mixed with 1/4.
    unigram = {c: (n + 4 / 4) / (5 + 4) for c, n in {"h": 1, "e": 1, "l": 2, "o": 1}.items()}
    # After l: once l, once o, so two types.
    assert abs(model.probability("o", "hel") - (1 + 2 * unigram["o"]) / 4) < TO_ROUNDING
    assert abs(model.probability("h", "hel") - 2 * unigram["h"] / 4) < TO_ROUNDING
    assert abs(model.probability("h", "hello") - unigram["h"]) < TO_ROUNDING  # o: no follower


def test_ngram_bits_score_the_text_after_the_skipped_part():
    model = NGramModel("hello", 1, "helo")
    by_hand = -(math.log2(model.probability("l", "l")) + math.log2(model.probability("o", "l"))) / 2
    assert abs(model.bits_per_character("hello", skip=3) - by_hand) < TO_ROUNDING


def test_ngram_model_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="unknown"):
        NGramModel("hello", 1, "hel")
    with pytest.raises(ValueError, match="context"):
        NGramModel("hello", -1, "helo")


@given(st.integers(2, 60), st.integers(1, 4), st.integers(1, 5))
def test_streams_read_the_text_in_order_and_predict_the_next_character(length, streams, steps):
    text = np.arange(length)
    if length - 1 < streams * steps:
        with pytest.raises(ValueError, match="characters"):
            parallel_streams(text, streams=streams, steps=steps)
        return
    x, y = parallel_streams(text, streams=streams, steps=steps)
    assert x.shape == y.shape and x.shape[1:] == (streams, steps)
    np.testing.assert_array_equal(y, x + 1)
    joined = x.swapaxes(0, 1).reshape(streams, -1)  # each stream, its pieces end to end
    np.testing.assert_array_equal(joined.ravel(), np.arange(joined.size))


def test_next_character_reads_hell_and_predicts_ello():
    x, y, vocabulary = next_character("hello")
    assert vocabulary == "helo"
    assert [vocabulary[i] for i in x[0].argmax(axis=-1)] == list("hell")
    assert [vocabulary[i] for i in y[0]] == list("ello")
    assert np.array_equal(x.sum(axis=-1), np.ones((1, 4)))


@pytest.mark.parametrize(("text", "vocabulary"), [("h", None), ("", None), ("hello", "hel")])
def test_next_character_refuses_what_it_cannot_predict(text, vocabulary):
    with pytest.raises(ValueError, match="expected"):
        next_character(text, vocabulary)


def test_gradient_descent_on_the_model_learns_to_spell_hello():
    x, targets, vocabulary = next_character("hello")
    read = x.argmax(axis=-1)
    model = LanguageModel.initialize(4, 3, np.random.default_rng(0))
    for _ in range(100):
        _, gradients, _ = model.loss_and_gradients(read, targets)
        for weight, gradient in zip(model.parameters, gradients, strict=True):
            weight -= 0.5 * gradient
    drawn = model.sample(np.array([[0]]), 4, np.random.default_rng(0), temperature=0.01)
    assert "".join(vocabulary[k] for k in drawn[0]) == "ello"


def test_the_book_is_what_the_note_beside_it_says():
    text = (DATA / "alice.txt").read_bytes().decode("ascii")
    note = (DATA / "alice.source.txt").read_text(encoding="ascii")
    assert f"{len(text):,} characters, {len(set(text))} distinct" in note.replace("\n", " ")
    assert "public domain" in note and "\r" not in text
    assert text.startswith("ALICE'S ADVENTURES IN WONDERLAND\nLewis Carroll\nCHAPTER I\n")
    assert text.endswith("THE END\n")


def test_softmax_at_any_temperature_is_a_distribution():
    np.testing.assert_array_equal(softmax(np.array([1, 5], "f4"), temperature=1e-38), [0, 1])


@pytest.mark.parametrize("character", [-1, 5])
def test_a_character_beyond_the_vocabulary_is_refused(character):
    with pytest.raises(ValueError, match=r"expected characters in range\(5\), got"):
        random_model(np.random.default_rng(0)).scores(np.array([[character, 0]]))


def test_ngram_model_refuses_to_predict_what_it_cannot():
    model = NGramModel("hello", 1, "helo")
    with pytest.raises(ValueError, match="expected a character of the vocabulary, got 'z'"):
        model.probability("z", "h")
    with pytest.raises(ValueError, match="expected 0 <= skip < 5, got 5"):
        model.bits_per_character("hello", skip=5)


@pytest.mark.parametrize(("streams", "steps"), [(0, 3), (2, 0)])
def test_no_streams_and_streams_of_no_steps_are_refused(streams, steps):
    with pytest.raises(ValueError, match="expected at least one stream and one step, got"):
        parallel_streams(np.arange(13), streams=streams, steps=steps)
