"""Short paths draw what the long ones draw, to a tenth of a pixel."""

import re
from decimal import Decimal
from itertools import pairwise
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphinx_lectures.figures.svg_paths import LONGEST, TOLERANCE, shorten

ROUNDING = 0.05 * 2**0.5
numbers = st.decimals(-500, 500, places=6)  # as Matplotlib writes them
points = st.tuples(numbers, numbers)


def read(path):
    """The absolute parts of a relative path, as (command, numbers)."""
    place, start, parts = (0.0, 0.0), (0.0, 0.0), []
    for name, steps in re.findall(r"([mlqcz])([^a-z]*)", path):
        absolute = [float(step) + place[i % 2] for i, step in enumerate(steps.split())]
        parts.append((name, absolute))
        place = tuple(absolute[-2:]) if absolute else start
        start = place if name == "m" else start
    return parts


def write(points):
    return "M " + " L ".join(f"{x:f} {y:f}" for x, y in points)


def distance(point, start, end):
    (x, y), (x0, y0), (x1, y1) = point, start, end
    square = (x1 - x0) ** 2 + (y1 - y0) ** 2
    share = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / square if square else 0
    share = min(max(share, 0), 1)
    return hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0))


@given(st.lists(points, min_size=2, max_size=40))
def test_short_line_passes_by_every_point_of_the_long_one(line):
    short = [tuple(place) for _, place in read(shorten(write(line)))]
    for point in [tuple(map(float, point)) for point in line]:
        nearest = min(distance(point, *stretch) for stretch in pairwise(short))
        assert nearest < TOLERANCE + 2 * ROUNDING + 1e-9, point


@given(
    st.lists(
        st.tuples(st.sampled_from("MLQC"), st.lists(points, min_size=3, max_size=3)), max_size=9
    )
)
def test_curves_and_several_lines_keep_their_commands_and_places(parts):
    counts = {"M": 1, "L": 1, "Q": 2, "C": 3}
    parts = [("M", parts[0][1] if parts else [(Decimal(0), Decimal(0))] * 3), *parts]
    parts = [(name, places[: counts[name]]) for name, places in parts]
    path = " ".join(
        f"{name} " + " ".join(f"{x:f} {y:f}" for x, y in places) for name, places in parts
    )
    short = read(shorten(path))
    kept = [(name, places) for name, places in short if name != "l"]
    given_ = [
        (name.lower(), [float(x) for place in places for x in place])
        for name, places in parts
        if name != "L"
    ]
    assert [name for name, _ in kept] == [name for name, _ in given_]
    for (_, now), (_, was) in zip(kept, given_, strict=True):
        assert now == pytest.approx(was, abs=0.0501)


def test_closed_path_goes_on_from_where_it_started():
    short = shorten("M 1 2 L 5 2 L 5 6 z M 8 8 L 9 9")
    assert short == "m1 2l4 0l0 4zm7 6l1 1"
    assert read(short)[-2:] == [("m", [8, 8]), ("l", [9, 9])]


def test_line_without_length_stays_since_its_round_end_is_a_dot():
    assert shorten("M 3 4 L 3 4") == "m3 4l0 0"


def test_smooth_line_loses_most_points_and_a_jagged_one_none():
    smooth = write([(x / 10, (x / 100) ** 2) for x in range(LONGEST)])
    jagged = write([(x, x % 2) for x in range(50)])
    assert len(read(shorten(smooth))) < LONGEST / 5
    assert len(read(shorten(jagged))) == 50


@pytest.mark.parametrize("path", ["m1 2 3 4", "M 1 2 A 1 1 0 0 0 3 4", "M 1 2 L 3 4 5 6"])
def test_path_that_is_not_as_matplotlib_writes_it_stays(path):
    assert shorten(path) == path
