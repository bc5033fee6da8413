"""Results are kept for as long as what they were made from is the same."""

import pytest

from sphinx_lectures.rebuilds.kept import Memo


@pytest.fixture
def file(tmp_path):
    """Where a memo with one result is kept."""
    memo = Memo(tmp_path / "memo", "first basis")
    assert memo(lambda: "made", "one", "two") == "made"
    memo.save()
    return tmp_path / "memo"


def never():
    raise AssertionError("made again")


def test_a_result_is_made_once(file):
    memo = Memo(file, "first basis")
    assert memo(never, "one", "two") == memo(never, "one", "two") == "made"


def test_a_result_is_made_anew_from_other_parts_or_on_another_basis(file):
    assert Memo(file, "first basis")(lambda: "new", "onetwo") == "new"
    file.write_bytes(file.read_bytes()[:32] + b"no pickle")  # on another basis, it is not even read
    assert Memo(file, "another basis")(lambda: "new", "one", "two") == "new"


def test_what_was_not_asked_for_is_forgotten(file):
    memo = Memo(file, "first basis")
    memo(lambda: "other", "three")
    memo.save()
    assert Memo(file, "first basis")(lambda: "new", "one", "two") == "new"
