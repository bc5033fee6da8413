"""Small products run on one thread, large ones on as many as before."""

import sys
from functools import partial

import numpy as np
import pytest

from unrolled import LSTMCell, SimpleRNNCell, backpropagate_through_time, threads, unroll
from unrolled.threads import LARGE, threads_for


class Library:
    """A BLAS that knows how many threads it may use."""

    def __init__(self, count):
        self.count = count

    def get_num_threads(self):
        return self.count

    def set_num_threads(self, count):
        self.count = count


@pytest.fixture
def library(monkeypatch):
    library = Library(8)
    monkeypatch.setattr(threads, "_libraries", lambda: (library,))
    return library


def test_a_small_product_has_one_thread_and_a_large_one_keeps_its_own(library):
    with threads_for(LARGE - 1):
        assert library.count == 1
    assert library.count == 8
    with threads_for(LARGE):
        assert library.count == 8


def test_threads_come_back_after_an_error(library):
    with pytest.raises(ZeroDivisionError), threads_for(1):
        1 / 0  # noqa: B018
    assert library.count == 8


def test_the_last_one_out_gives_the_threads_back(library):
    first, second = threads_for(1), threads_for(2)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert library.count == 1
    second.__exit__(None, None, None)
    assert library.count == 8


def test_a_limit_that_was_set_meanwhile_stays(library):
    with threads_for(1):
        library.set_num_threads(3)
    assert library.count == 3


def test_a_limit_that_was_set_before_comes_back(library):
    library.set_num_threads(2)
    with threads_for(1):
        pass
    assert library.count == 2


def watch(cell, library):
    """The cell, with what it was called for and with how many threads in ``cell.seen``."""
    object.__setattr__(cell, "seen", {})

    def noting(name, method, *arguments, **out):
        cell.seen[name] = library.count
        return method(*arguments, **out)

    for name in ("project", "step", "step_back", "weight_gradients"):
        object.__setattr__(cell, name, partial(noting, name, getattr(cell, name)))
    return cell


@pytest.mark.parametrize("large", [1, 5 * 6 * 6, 5 * 7 * 6 * 6, LARGE])
def test_the_products_of_an_unrolled_cell_are_judged_by_their_size(library, monkeypatch, large):
    monkeypatch.setattr(threads, "LARGE", large)
    batch, time, features, units = 5, 7, 2, 6
    cell = SimpleRNNCell.initialize(features, units, np.random.default_rng(0))
    cell = watch(cell, library)
    states, cache = unroll(cell, np.zeros((batch, time, features)))
    backpropagate_through_time(cell, cache, states)
    products = {
        "project": batch * time * features * units,
        "step": batch * units * units,
        "step_back": batch * units * units,
        "weight_gradients": batch * units * units,  # as the steps of its block
    }
    assert cell.seen == {name: 8 if size >= large else 1 for name, size in products.items()}
    assert library.count == 8


def test_the_libraries_of_this_process_are_limited_and_freed():
    from threadpoolctl import threadpool_info

    def counts():
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    before = counts()
    assert before
    with threads_for(1):
        assert counts() == [1] * len(before)
    assert counts() == before


def test_without_threadpoolctl_nothing_is_limited(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert threads._libraries.__wrapped__() == ()


def test_the_gates_of_a_cell_with_four_blocks_count(library, monkeypatch):
    monkeypatch.setattr(threads, "LARGE", 5 * 6 * 24)
    cell = watch(LSTMCell.initialize(2, 6, np.random.default_rng(0)), library)
    unroll(cell, np.zeros((5, 1, 2)))
    assert cell.seen == {"project": 1, "step": 8}
