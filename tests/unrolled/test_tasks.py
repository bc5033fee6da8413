"""The data of the lectures: what their docstrings promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.tasks import next_character, parallel_streams, sign_of_mean

SAMPLING = 0.03  # five standard errors of a mean of 50,000 draws are .022


@given(sequences=st.integers(1, 5), length=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_label_is_the_sign_of_the_mean(sequences, length, seed):
    x, y = sign_of_mean(sequences, np.random.default_rng(seed), length=length)
    assert x.shape == (sequences, length, 1)
    assert y.shape == (sequences,)
    assert x.dtype == y.dtype == np.float64
    np.testing.assert_array_equal(y, x[:, :, 0].sum(axis=1) > 0)


def test_sequences_are_standard_normal_and_labels_balanced():
    x, y = sign_of_mean(1000, np.random.default_rng(0))
    assert x.shape == (1000, 50, 1)
    assert abs(x.mean()) < SAMPLING
    assert abs(x.std() - 1) < SAMPLING
    assert 0.4 < y.mean() < 0.6


def test_a_seed_repeats_the_sequences():
    first, again, other = (sign_of_mean(3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    assert (first.x != other.x).all()


@pytest.mark.parametrize(("sequences", "length"), [(0, 5), (5, 0)])
def test_empty_sequences_are_refused(sequences, length):
    with pytest.raises(ValueError, match=f"of at least 1, got {sequences}, {length}"):
        sign_of_mean(sequences, np.random.default_rng(0), length=length)


@given(st.text(min_size=2, max_size=20))
def test_inputs_spell_the_text_and_targets_what_comes_next(text):
    x, y, vocabulary = next_character(text)
    assert sorted(vocabulary) == sorted(set(text))
    assert x.shape == (1, len(text) - 1, len(vocabulary))
    np.testing.assert_array_equal(x.sum(axis=-1), 1)
    assert "".join(vocabulary[i] for i in x[0].argmax(axis=-1)) == text[:-1]
    assert "".join(vocabulary[i] for i in y[0]) == text[1:]


def test_characters_are_numbered_by_first_appearance_or_as_told():
    assert next_character("hello").vocabulary == "helo"
    assert next_character("hello", "oleh!").x.shape == (1, 4, 5)
    np.testing.assert_array_equal(next_character("hello", "oleh!").y, [[2, 1, 1, 0]])


@pytest.mark.parametrize("text", ["", "h"])
def test_a_text_with_nothing_to_predict_is_refused(text):
    with pytest.raises(ValueError, match=f"at least two characters, got '{text}'"):
        next_character(text)


def test_a_character_outside_the_vocabulary_is_refused_by_name():
    with pytest.raises(ValueError, match=r"characters of 'helo' only, got \['!'\]"):
        next_character("hello!", "helo")
    with pytest.raises(ValueError, match="characters of '' only"):
        next_character("hello", "")


def test_a_vocabulary_that_holds_a_character_twice_is_refused():
    with pytest.raises(ValueError, match="vocabulary of distinct characters, got 'hello'"):
        next_character("hello", "hello")


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.data())
def test_pieces_of_a_stream_join_to_a_part_of_the_text(streams, steps, pieces, draw):
    spare = draw.draw(st.integers(1, streams * steps))
    text = np.random.default_rng(0).integers(0, 9, pieces * streams * steps + spare)
    x, y = parallel_streams(text, streams=streams, steps=steps)
    assert x.shape == y.shape == (pieces, streams, steps)
    for stream in range(streams):
        start = stream * pieces * steps
        np.testing.assert_array_equal(x[:, stream].ravel(), text[start : start + pieces * steps])
        after = text[start + 1 : start + 1 + pieces * steps]
        np.testing.assert_array_equal(y[:, stream].ravel(), after)


def test_a_text_that_does_not_fill_one_piece_is_refused():
    with pytest.raises(ValueError, match=r"streams \* steps = 6 characters, got 6"):
        parallel_streams(np.arange(6), streams=2, steps=3)
