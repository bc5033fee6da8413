"""The count-based models: their probabilities, and the bits that they need."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.ngrams import NGramModel

TO_ROUNDING = 1e-12


@given(st.text("abc", max_size=30), st.text("abcd", max_size=6), st.integers(0, 4))
def test_probabilities_sum_to_one_after_any_history(text, history, context):
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


def test_a_longer_context_is_mixed_with_the_last_of_its_characters():
    bigram, trigram = (NGramModel("hello", context, "helo") for context in (1, 2))
    # After el: once l, so one type.
    by_hand = (1 + 1 * bigram.probability("l", "l")) / 2
    assert abs(trigram.probability("l", "hel") - by_hand) < TO_ROUNDING


@given(st.text("ab", min_size=1, max_size=12), st.text("ab", max_size=12), st.integers(0, 3))
def test_no_more_of_the_history_counts_than_the_context(text, history, context):
    model = NGramModel(text, context, "ab")
    last = history[len(history) - min(context, len(history)) :]
    assert model.probability("a", history) == model.probability("a", last)


def test_bits_score_the_text_after_the_skipped_part():
    model = NGramModel("hello", 1, "helo")
    by_hand = -(math.log2(model.probability("l", "l")) + math.log2(model.probability("o", "l"))) / 2
    assert abs(model.bits_per_character("hello", skip=3) - by_hand) < TO_ROUNDING


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match=r"expected a text of 'hel' only, got \['o'\]"):
        NGramModel("hello", 1, "hel")
    with pytest.raises(ValueError, match="expected a context of at least 0 characters, got -1"):
        NGramModel("hello", -1, "helo")


def test_what_cannot_be_predicted_is_refused():
    model = NGramModel("hello", 1, "helo")
    with pytest.raises(ValueError, match="expected a character of the vocabulary, got 'z'"):
        model.probability("z", "h")
    with pytest.raises(ValueError, match="expected 0 <= skip < 5, got 5"):
        model.bits_per_character("hello", skip=5)
