"""A record is kept whole, and its words say what was found and what to try."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.flow import Flow
from unrolled.record import GradientRecord, describe, explain, falls

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(st.dictionaries(names, st.integers(1, 3), max_size=3), st.integers(0, 3))
@settings(max_examples=15)
def test_a_record_is_read_as_it_was_saved(tmp_path_factory, lengths, measurements):
    rng = np.random.default_rng(0)
    norms = {name: rng.normal(size=(measurements, time)) for name, time in lengths.items()}
    record = GradientRecord(np.arange(measurements), norms, rng.normal(size=measurements))
    path = record.save(tmp_path_factory.mktemp("record") / "flow")
    assert path.name == "flow.npz"
    read = GradientRecord.load(path)
    np.testing.assert_array_equal(read.steps, record.steps)
    np.testing.assert_array_equal(read.losses, record.losses)
    assert list(read.norms) == list(norms)
    for name, expected in norms.items():
        np.testing.assert_array_equal(read.norms[name], expected)


@given(st.dictionaries(names, st.integers(1, 3), max_size=3), st.integers(0, 3), st.booleans())
@settings(max_examples=15)
def test_a_table_has_a_row_for_each_number(tmp_path_factory, lengths, measurements, with_losses):
    rng = np.random.default_rng(0)
    norms = {name: rng.normal(size=(measurements, time)) for name, time in lengths.items()}
    losses = rng.normal(size=measurements) if with_losses else np.empty(0)
    record = GradientRecord(10 * np.arange(measurements), norms, losses)
    path = record.save(tmp_path_factory.mktemp("record") / "flow.csv")
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(np.size, norms.values()))
    for row in rows:
        i = int(row["step"]) // 10
        assert float(row["norm"]) == norms[row["state"]][i, int(row["lag"])]
        assert row["loss"] == (repr(float(losses[i])) if with_losses else "")


def test_numpy_reads_a_table(tmp_path):
    record = GradientRecord(np.array([0, 5]), {"gru": np.array([[1.0, 0.5], [2.0, np.nan]])})
    table = np.genfromtxt(record.save(tmp_path / "a.csv"), delimiter=",", names=True, dtype=None)
    assert table.dtype.names == ("step", "state", "lag", "norm", "loss")
    assert table["step"].tolist() == [0, 0, 5, 5] and table["lag"].tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(table["norm"], [1, 0.5, 2, np.nan])


def test_a_record_of_before_losses_were_kept_is_read(tmp_path):
    np.savez(tmp_path / "old.npz", **{"steps": np.arange(2), "norms/gru": np.ones((2, 3))})
    assert GradientRecord.load(tmp_path / "old.npz").losses.size == 0


def test_a_record_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    record = GradientRecord(np.arange(2), {"gru": np.ones((2, 3))})
    path = record.save(tmp_path / "flow.npz")
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        GradientRecord(np.arange(3), {}).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["flow.npz"]


def test_a_record_may_be_read_by_whoever_reads_other_files(tmp_path):
    (tmp_path / "other").touch()
    path = GradientRecord(np.arange(2), {}).save(tmp_path / "flow")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(2))
    with pytest.raises(ValueError, match=r"a gradient record in .*other.npz, got \['a'\]"):
        GradientRecord.load(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.ones(2))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    (tmp_path / "text.npz").write_text("a text")
    for name in ("array", "text"):
        with pytest.raises(ValueError, match=f"record in .*{name}.npz, got no archive of arrays"):
            GradientRecord.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        GradientRecord.load(tmp_path / "missing")


# Words


@given(st.floats(0.3, 3.0), st.integers(2, 60))
def test_description_of_a_geometric_series(factor, time):
    norms = factor ** np.arange(float(time))
    reach = sum(norms >= 0.01 * norms.max())
    kind, words = describe(norms)
    if factor > 1:
        assert kind == ("explodes" if factor ** (time - 1) >= 100 else "steady")
    else:
        assert kind == ("vanishes" if reach <= time // 2 else "steady")
    if kind == "vanishes":
        assert f"of {time} steps only the last {reach} receive" in words
        assert f"halves every {-np.log(2) / np.log(factor):.1f} steps" in words
    if kind == "explodes":
        assert f"doubles every {np.log(2) / np.log(factor):.1f} steps" in words


def test_description_of_gradients_that_are_zero_or_not_finite():
    assert describe(np.zeros(5)) == ("vanishes", "the gradient is zero at all 5 steps")
    assert (
        describe(np.array([1.0, np.inf, np.nan]))[1] == "the gradient is not finite at 2 of 3 steps"
    )
    assert describe([1.0, 0, 0, 0]) == (
        "vanishes",
        "the gradient vanishes: of 4 steps only the last receives more than 1% of the largest",
    )
    assert describe(np.array([0.0, 1, 1, 1]))[0] == "steady"  # the cell state of an LSTM


def test_description_of_a_change_within_one_step_names_the_factor():
    assert describe([1, 1e-9])[1].startswith(
        "the gradient vanishes: each step back multiplies it by 1e-09; of 2 steps"
    )
    words = "the gradient explodes: each step back multiplies it by 1e+09; one of 2 steps"
    assert describe([1e-9, 1])[1].startswith(words)
    assert "it halves every 0.6 steps back" in describe(0.3 ** np.arange(9.0))[1]
    assert "each step back multiplies it by 2e-01" in describe(0.2 ** np.arange(9.0))[1]


@pytest.mark.parametrize("norms", [[1e308, 5e-324], [5e-324, 1e308]])
def test_description_holds_at_the_limits_of_the_numbers(norms):
    with np.errstate(all="raise"):
        assert describe(norms)[0] in ("vanishes", "explodes")


def test_description_counts_the_steps_that_receive_something():
    assert describe(np.r_[1.0, np.zeros(48), 1.0])[1].startswith("2 of 50 steps receive")
    vanishes = "the gradient vanishes: of 50 steps only"
    words = f"{vanishes} 1 of the last 2 receives more than 1%"
    assert describe(np.r_[0.0, 1.0, np.zeros(48)])[1].startswith(words)
    flat = f"{vanishes} the last 24 receive more than 1%"  # no rate: it halves nowhere
    assert describe(np.r_[np.ones(24), np.zeros(26)])[1].startswith(flat)


def test_a_gradient_that_shrinks_on_its_way_does_not_explode():
    """However little the very last step receives: it may be read by few paths."""
    kind, words = describe(np.r_[1e-3, 0.9 ** np.arange(49)])
    assert kind == "steady" and "explodes" not in words


def test_a_reference_decides_what_counts_as_large():
    norms = 1e-6 * 1.2 ** np.arange(50)
    assert describe(norms)[0] == describe(norms, 1e-6)[0] == "explodes"
    assert describe(norms, 1.0)[0] == "steady"
    assert describe(norms, 1e-5)[1].endswith("as much as the last step of the layers")


@pytest.mark.parametrize("norms", [[], [[1.0, 2.0]], [1.0, -1.0]])
def test_description_needs_one_norm_a_step(norms):
    with pytest.raises(ValueError, match="expected one norm for each step, none negative, got"):
        describe(norms)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], False),
        ([1.0], False),
        ([1.0, 0.95], False),
        ([1.0, 0.8], True),
        ([1.0, 0.2, 1.1], False),
        ([-1.0, -2.0], True),  # a logarithm of a density
        ([-1.0, -1.05], False),
        ([0.0, 0.0], False),
        ([1.0, np.nan], False),
        ([np.inf, 1.0], False),
        ([np.nan, 1.0], False),
    ],
)
def test_a_loss_falls_if_the_last_is_lower_than_the_first_by_a_tenth(losses, expected):
    assert falls(losses) is expected


VANISHING, LEVEL = 0.5 ** np.arange(50), np.ones(50)


def explained(norms, losses=()):
    rows = {name: np.array([LEVEL, of_state]) for name, of_state in norms.items()}
    return explain(GradientRecord(np.array([0, 9]), rows, np.array(losses)))


@pytest.mark.parametrize(
    ("norms", "fallen", "otherwise"),
    [
        (VANISHING, "the last steps may be all that the task needs", "larger forget bias"),
        (1 / VANISHING, "The loss falls, but", "start from smaller recurrent weights"),
        (LEVEL, "no sign of trouble", "check the labels"),
        (np.full(50, np.nan), "NaN in the training data", "return to earlier weights"),
        (0 * LEVEL, "No path leads", "No path leads"),
    ],
    ids=["vanishes", "explodes", "steady", "not finite", "zero"],
)
def test_advice_takes_the_course_of_the_loss_into_account(norms, fallen, otherwise):
    said = describe(norms)[1]
    for losses, words in (([2.0, 1.0], fallen), ([2.0, 2.0], otherwise), ([], otherwise)):
        text = explained({"rnn": norms}, losses)
        assert text.startswith(f"rnn: {said}. ") and words in text


def test_an_explosion_before_the_gradient_vanished_is_treated_first():
    vanishes, explodes, nothing = 0.5 ** np.arange(50), 1.5 ** np.arange(50), np.full(50, np.nan)
    steady = np.ones(50)
    for wrecked in (explodes, nothing):
        record = GradientRecord(
            np.array([0, 4, 9]),
            {"rnn": np.array([steady, wrecked, vanishes]), "next": np.array(3 * [vanishes])},
            np.array([4.0, 9.0, 1.4]),
        )
        first, other = explain(record).split("\n\n")
        assert "vanishes" in first and "it exploded before that, at step 4" in first
        assert "Clip the gradient by its norm" in first and "forget bias" not in first
        assert "exploded" not in other


def test_advice_names_lectures_by_their_titles():
    folder = Path(__file__).resolve().parents[2] / "lectures"
    pages = [path.read_text(encoding="utf-8") for path in folder.glob("*.md")]
    titles = {line.removeprefix("# ") for text in pages for line in text.splitlines()}
    profiles = VANISHING, 1 / VANISHING, LEVEL, np.full(50, np.nan), 0 * LEVEL
    texts = [explained({"rnn": norms}, [2.0, last]) for norms in profiles for last in (1.0, 2.0)]
    named = {title for text in texts for title in re.findall(r'"(.*?)"', text)}
    assert len(named) >= 4 and named <= titles


def test_h_and_c_are_explained_as_one_state_and_each_layer_in_a_paragraph():
    text = explained({"lstm": VANISHING, "lstm/c": LEVEL, "gru": VANISHING})
    lstm, gru = text.split("\n\n")
    assert lstm.startswith("lstm: 50 of 50 steps") and gru.startswith("gru: the gradient vanishes")


def test_a_single_measurement_is_explained_like_a_record_without_losses():
    flow = {"gru": VANISHING[::-1].reshape(1, 50, 1)}
    assert explain(flow) == explain(Flow(flow, loss=0.7)) == explained({"gru": VANISHING})
