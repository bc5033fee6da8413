"""The data of the lectures: what their docstrings promise."""

import tomllib
from fnmatch import fnmatch
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.tasks import (
    ADDING_PROBLEM_BASELINE,
    adding_problem,
    copy_memory,
    copy_memory_baseline,
    next_character,
    parallel_streams,
    recall,
    sign_of_mean,
    sunspots,
    temporal_order,
)

SAMPLING = 0.03  # five standard errors of a mean of 50,000 draws are .022
SEEDED = (sign_of_mean, adding_problem, copy_memory, temporal_order, recall)


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


@pytest.mark.parametrize("task", SEEDED)
def test_a_seed_repeats_the_sequences(task):
    first, again, other = (task(3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert (first.x != other.x).any(axis=(1, 2)).all()


@given(st.text(min_size=2, max_size=20))
def test_inputs_spell_the_text_and_targets_what_comes_next(text):
    x, y, vocabulary = next_character(text)
    assert sorted(vocabulary) == sorted(set(text))
    assert x.shape == (1, len(text) - 1, len(vocabulary))
    np.testing.assert_array_equal(x.sum(axis=-1), 1)
    assert "".join(vocabulary[i] for i in x[0].argmax(axis=-1)) == text[:-1]
    assert "".join(vocabulary[i] for i in y[0]) == text[1:]


def test_characters_are_numbered_by_first_appearance():
    assert next_character("hello").vocabulary == "helo"
    np.testing.assert_array_equal(next_character("hello").y, [[1, 2, 2, 3]])


@pytest.mark.parametrize("text", ["", "h"])
def test_a_text_with_nothing_to_predict_is_refused(text):
    with pytest.raises(ValueError, match=f"at least two characters, got '{text}'"):
        next_character(text)


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


@pytest.mark.parametrize(("streams", "steps"), [(0, 3), (2, 0)])
def test_no_streams_and_streams_of_no_steps_are_refused(streams, steps):
    with pytest.raises(ValueError, match="expected at least one stream and one step, got"):
        parallel_streams(np.arange(13), streams=streams, steps=steps)


@given(sequences=st.integers(1, 5), length=st.integers(2, 9), seed=st.integers(0, 2**32 - 1))
def test_target_is_the_sum_of_the_marked_values_one_in_each_half(sequences, length, seed):
    x, y = adding_problem(sequences, np.random.default_rng(seed), length=length)
    assert x.shape == (sequences, length, 2)
    values, markers = x[..., 0], x[..., 1]
    assert ((values >= 0) & (values <= 1)).all()
    assert np.isin(markers, [0, 1]).all()
    np.testing.assert_array_equal(markers[:, : length // 2].sum(axis=1), 1)
    np.testing.assert_array_equal(markers[:, length // 2 :].sum(axis=1), 1)
    np.testing.assert_allclose(y, [v[m == 1].sum() for v, m in zip(values, markers, strict=True)])


def test_values_are_uniform_and_every_step_is_marked_equally_often():
    values, markers = np.moveaxis(
        adding_problem(20_000, np.random.default_rng(0), length=5).x, 2, 0
    )
    assert abs(values.mean() - 1 / 2) < SAMPLING
    assert abs(values.var() - 1 / 12) < SAMPLING
    np.testing.assert_allclose(markers.mean(axis=0), [1 / 2] * 2 + [1 / 3] * 3, atol=SAMPLING)


def test_best_constant_answer_to_the_adding_problem_costs_one_sixth():
    y = adding_problem(100_000, np.random.default_rng(0), length=4).y
    guesses = np.linspace(0.5, 1.5, 101)
    costs = [np.square(y - guess).mean() for guess in guesses]
    assert abs(guesses[np.argmin(costs)] - 1) < SAMPLING
    assert min(costs) == pytest.approx(ADDING_PROBLEM_BASELINE, rel=SAMPLING)


@given(
    delay=st.integers(1, 6),
    symbols=st.integers(1, 9),
    recalled=st.integers(1, 5),
    seed=st.integers(0),
)
def test_symbols_are_read_first_and_written_last(delay, symbols, recalled, seed):
    x, y = copy_memory(
        3, np.random.default_rng(seed), delay=delay, symbols=symbols, recalled=recalled
    )
    blank, go = symbols, symbols + 1
    assert x.shape == (3, delay + 2 * recalled, symbols + 2)
    np.testing.assert_array_equal(x.sum(axis=-1), 1)
    read = x.argmax(axis=-1)
    assert (read[:, :recalled] < symbols).all()
    expected = [blank] * (delay - 1) + [go] + [blank] * recalled
    np.testing.assert_array_equal(read[:, recalled:], [expected] * 3)
    assert (y[:, :-recalled] == blank).all()
    np.testing.assert_array_equal(y[:, -recalled:], read[:, :recalled])


def test_copying_without_memory_costs_the_baseline():
    """Blanks are certain; the symbols are foretold with the frequencies of the whole sample."""
    _, y = copy_memory(5000, np.random.default_rng(0), delay=7, symbols=3, recalled=4)
    shares = (y[..., None] == np.arange(4)).mean(axis=0)  # (time, symbols and blank)
    cost = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=-1).mean()
    assert cost == pytest.approx(copy_memory_baseline(7, 3, 4), rel=1e-3)
    assert copy_memory_baseline(100) == pytest.approx(10 * np.log(8) / 120)


@given(length=st.integers(10, 60), seed=st.integers(0))
def test_class_is_the_order_of_the_two_signals(length, seed):
    x, y = temporal_order(4, np.random.default_rng(seed), length=length)
    assert x.shape == (4, length, 8)
    np.testing.assert_array_equal(x.sum(axis=-1), 1)
    for row, label in zip(x.argmax(axis=-1), y, strict=True):
        word = "".join("abcdEBXY"[i] for i in row)
        assert word[0] == "E"
        assert word[-1] == "B"
        assert not set("EB") & set(word[1:-1])
        first, second = (i for i, letter in enumerate(word) if letter in "XY")
        assert length // 10 <= first <= 2 * length // 10
        assert 5 * length // 10 <= second <= 6 * length // 10
        assert ["XX", "XY", "YX", "YY"][label] == word[first] + word[second]


def test_signals_stand_everywhere_between_their_bounds_and_classes_are_balanced():
    x, y = temporal_order(20_000, np.random.default_rng(0))
    signals = x[..., 6:].sum(axis=(0, 2))
    np.testing.assert_array_equal(np.flatnonzero(signals), [*range(10, 21), *range(50, 61)])
    np.testing.assert_allclose(signals[signals > 0] / len(x), 1 / 11, atol=SAMPLING)
    np.testing.assert_allclose(np.bincount(y) / len(y), [1 / 4] * 4, atol=SAMPLING)
    np.testing.assert_allclose(x[:, 30:40, :4].mean(axis=(0, 1)), 1 / 4, atol=SAMPLING)


@given(
    delay=st.integers(0, 6),
    symbols=st.integers(1, 5),
    distractors=st.integers(1, 5),
    seed=st.integers(0),
)
def test_only_the_first_step_tells_the_answer(delay, symbols, distractors, seed):
    x, y = recall(
        3, np.random.default_rng(seed), delay=delay, symbols=symbols, distractors=distractors
    )
    assert x.shape == (3, 1 + delay, symbols + distractors)
    np.testing.assert_array_equal(x.sum(axis=-1), 1)
    np.testing.assert_array_equal(x[:, 0].argmax(axis=-1), y)
    assert (x[:, 1:, :symbols] == 0).all()


def test_symbols_and_distractors_are_equally_frequent_and_independent():
    x, y = recall(20_000, np.random.default_rng(0), delay=2, symbols=4, distractors=2)
    np.testing.assert_allclose(np.bincount(y) / len(y), [1 / 4] * 4, atol=SAMPLING)
    for label in range(4):
        np.testing.assert_allclose(x[y == label, 1:, 4:].mean(axis=(0, 1)), 1 / 2, atol=SAMPLING)


@pytest.mark.parametrize(
    ("task", "sizes", "message"),
    [
        (sign_of_mean, {"length": 0}, "length of at least 1, got 0"),
        (adding_problem, {"length": 1}, "length of at least 2, got 1"),
        (temporal_order, {"length": 9}, "length of at least 10, got 9"),
        (copy_memory, {"delay": 0}, "delay of at least 1, got 0"),
        (copy_memory, {"symbols": 0}, "symbols of at least 1, got 0"),
        (copy_memory, {"recalled": -1}, "recalled of at least 1, got -1"),
        (recall, {"delay": -1}, "delay of at least 0, got -1"),
        (recall, {"symbols": 0}, "symbols of at least 1, got 0"),
        (recall, {"distractors": 0}, "distractors of at least 1, got 0"),
    ],
)
def test_sizes_that_make_no_task_are_refused_by_name(task, sizes, message):
    with pytest.raises(ValueError, match=f"expected {message}"):
        task(2, np.random.default_rng(0), **sizes)


@pytest.mark.parametrize("task", SEEDED)
def test_no_sequences_or_half_a_sequence_are_refused(task):
    with pytest.raises(ValueError, match="expected sequences of at least 1, got 0"):
        task(0, np.random.default_rng(0))
    with pytest.raises(TypeError, match="float"):
        task(1.5, np.random.default_rng(0))


@pytest.mark.parametrize("sizes", [(0, 8, 10), (1, 0, 10), (1, 8, 0)])
def test_a_baseline_of_no_task_is_refused(sizes):
    with pytest.raises(ValueError, match="of at least 1, got 0"):
        copy_memory_baseline(*sizes)


def test_sunspots_are_the_known_numbers_of_every_year():
    years, numbers = sunspots()
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert numbers.shape == years.shape
    assert numbers.dtype == np.float64
    assert (numbers >= 0).all()
    known = {1700: 5.0, 1810: 0.0, 1957: 190.2, 2008: 2.9}
    assert {year: numbers[year - 1700] for year in known} == known


def test_sunspots_rise_and_fall_in_about_eleven_years():
    numbers = sunspots().values
    power = np.abs(np.fft.rfft(numbers - numbers.mean())) ** 2
    assert len(numbers) / power.argmax() == pytest.approx(11, abs=0.3)


def test_the_file_of_sunspots_is_the_one_that_its_source_note_describes():
    folder = files("unrolled.tasks")
    digest = sha256(folder.joinpath("sunspots.csv").read_bytes()).hexdigest()
    note = folder.joinpath("sunspots.source.txt").read_text(encoding="utf-8")
    assert digest in note
    assert "public domain" in note


def test_an_installed_library_brings_its_data_along():
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"].get("unrolled.tasks", [])
    data = [path.name for path in (root / "src/unrolled/tasks").glob("sunspots*")]
    assert len(data) == 2
    for name in data:
        assert any(fnmatch(name, pattern) for pattern in patterns), name


def test_the_book_is_what_the_note_beside_it_says():
    data = Path(__file__).parents[2] / "lectures" / "data"
    text = (data / "alice.txt").read_bytes().decode("ascii")
    note = (data / "alice.source.txt").read_text(encoding="ascii")
    assert f"{len(text):,} characters, {len(set(text))} distinct" in note.replace("\n", " ")
    assert "public domain" in note and "\r" not in text
    assert text.startswith("ALICE'S ADVENTURES IN WONDERLAND\nLewis Carroll\nCHAPTER I\n")
    assert text.endswith("THE END\n")
