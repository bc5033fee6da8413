"""Room for arrays is used again, but never while somebody still looks at it."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unrolled import LSTMCell, backpropagate_through_time, memory, unroll
from unrolled.memory import LARGE, MOST, SMALL, empty

SHAPE = 4, SMALL // 4


@pytest.fixture(autouse=True)
def nothing_kept():
    """No room is there from other tests."""
    memory._unused.clear()
    yield
    memory._unused.clear()


def address(array):
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_it_is_an_array_to_write_to(dtype):
    array = empty(SHAPE, dtype)
    array[...] = 1
    assert array.shape == SHAPE and array.dtype == dtype and array.sum() == array.size
    assert array.flags.c_contiguous and array.flags.writeable and array.flags.aligned


def test_room_is_used_again_by_an_array_of_the_same_size():
    first = empty(SHAPE, "float64")
    before = address(first)
    del first
    assert address(empty(SHAPE[::-1], "float64")) == before


def test_room_is_not_used_while_a_view_of_it_is_left():
    first = empty(SHAPE, "float64")
    view = first[1:, ::2].T
    view[...] = 7
    del first
    empty(SHAPE, "float64")[...] = 0
    assert np.all(view == 7)


@pytest.mark.parametrize("size", [SMALL - 1, LARGE + 1])
def test_small_and_very_large_arrays_are_left_to_numpy(size):
    array = empty((size,), "uint8")
    assert array.base is None
    del array
    assert not memory._unused


def test_what_lies_unused_is_bounded():
    arrays = [empty((LARGE - size,), "uint8") for size in range(5)]
    del arrays
    gc.collect()
    unused = sum(room.size for rooms in memory._unused.values() for room in rooms)
    assert 0 < unused <= MOST


def test_threads_never_share_room():
    def fill(number):
        for _ in range(200):
            array = empty(SHAPE, "uint8")
            array[...] = number
            if not np.all(array == number):
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(fill, range(4)))


def test_gradients_outlive_those_of_later_calls():
    rng = np.random.default_rng(0)
    cell = LSTMCell.initialize(features=1, units=32, rng=rng)
    kept = []
    for _ in range(3):
        states, cache = unroll(cell, rng.normal(size=(16, 40, 1)))
        gradients = backpropagate_through_time(cell, cache, np.ones_like(states))
        kept.append((gradients, [part.copy() for part in gradients]))
    del states, cache, gradients
    for _ in range(3):
        unroll(cell, rng.normal(size=(16, 40, 1)))
    for gradients, copies in kept:
        assert all(np.array_equal(*pair) for pair in zip(gradients, copies, strict=True))
