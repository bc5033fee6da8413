"""The table of a measurement gives the numbers that were put into the gradients."""

import keras
import numpy as np
import pytest

from unrolled.flow import Flow
from unrolled.record import explain
from unrolled.summary import summary


def row(gradient):
    (numbers,) = summary({"rnn": np.asarray(gradient)}).states.values()
    return numbers


def test_a_geometric_gradient_has_its_half_life_and_reach():
    halved = 2.0 ** (np.arange(-39.0, 1) / 3).reshape(1, 40, 1)
    found = row(halved)
    assert found["half-life"] == pytest.approx(3)
    assert found["reach"] == 19  # 2 ** (19 / 3) < 100 < 2 ** (20 / 3)
    assert (found["last"], found["first"]) == (1, 2.0**-13)
    assert row(halved[:, ::-1])["half-life"] == pytest.approx(-3)


def test_shares_count_zeros_numbers_that_lose_digits_and_what_is_not_finite():
    tiny = np.finfo(np.float32).tiny
    gradient = np.float32([0, tiny / 2, -tiny / 4, tiny, 1, np.inf, np.nan, 0]).reshape(2, 2, 2)
    found = row(gradient)
    assert (found["zero"], found["subnormal"], found["not finite"]) == (2 / 8, 2 / 8, 2)
    assert np.isnan(found["half-life"])
    assert row(np.float64(gradient))["subnormal"] == 0


def test_a_gradient_of_zeros_reaches_nothing():
    found = row(np.zeros((2, 5, 3)))
    assert found["zero"] == 1 and np.isnan([found["reach"], found["half-life"]]).all()


def test_bfloat16_is_measured_as_it_is_stored():
    bfloat16 = keras.ops.convert_to_numpy(keras.ops.ones((1, 2, 3), "bfloat16")).dtype
    assert row(np.array([[[1e-39, 0.0, 1.0]]]).astype(bfloat16))["subnormal"] == 1 / 3


def test_weights_have_the_norm_of_their_gradient_and_what_time_steps_contribute():
    shares = np.zeros(20)
    shares[[0, 15, 19]] = 0.3, 0.6, 0.1
    weights = {"dense/kernel": np.array([[3.0], [4.0]]), "gru/kernel": np.full((2, 2), 0.5)}
    found = summary(
        Flow({"gru": np.ones((1, 2, 1))}, weights=weights, shares={"gru/kernel": shares})
    ).weights
    assert found["dense/kernel"] == {"norm": 5}
    assert found["gru/kernel"] == {"norm": 1, "last tenth": 0.1, "half": 5}


def test_shares_that_never_come_to_a_half_give_no_number_of_steps():
    flow = Flow(
        {"gru": np.ones((1, 2, 1))}, weights={"a": np.zeros(2)}, shares={"a": np.full(4, np.nan)}
    )
    assert np.isnan(summary(flow).weights["a"]["half"])


def test_it_prints_a_line_for_each_row_under_headings_that_line_up():
    flow = Flow(
        {"gru": np.ones((1, 3, 1)), "both/backward_lstm/c": np.full((1, 3, 1), 1e-12)},
        weights={"gru/kernel": np.ones(1)},
    )
    states, weights = str(summary(flow)).split("\n\n")
    headings, *rows = states.splitlines()
    assert len({len(line) for line in (headings, *rows)}) == 1
    assert [line.split()[0] for line in rows] == list(flow)
    assert weights.splitlines()[1].split() == ["gru/kernel", "1"]
    assert "weight" not in str(summary(dict(flow)))


def test_a_shared_layer_has_a_row_for_each_call():
    weights = {"gru/kernel": np.ones((2, 2))}
    shares = {"gru/kernel": np.full(10, 0.04), "gru/kernel#2": np.full(10, 0.06)}
    found = summary(Flow({"gru": np.ones((1, 10, 2))}, weights=weights, shares=shares))
    assert found.weights["gru/kernel"]["norm"] == found.weights["gru/kernel#2"]["norm"] == 2
    assert found.weights["gru/kernel#2"]["half"] == 9
    assert "gru/kernel#2" in repr(found)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_the_norm_of_a_weight_gradient_neither_overflows_nor_underflows(size):
    found = summary(
        Flow({"gru": np.ones((1, 3, 2))}, weights={"w": np.full((2, 2), np.float32(size))})
    )
    assert found.weights["w"]["norm"] == pytest.approx(2 * size)


@pytest.mark.parametrize(("wrong", "got"), [({}, "nothing"), (np.ones((1, 3, 2)), "ndarray")])
def test_what_is_no_measurement_is_refused(wrong, got):
    for put in (summary, explain):
        with pytest.raises(ValueError, match=f"expected what gradient_flow returns.* got {got}"):
            put(wrong)
