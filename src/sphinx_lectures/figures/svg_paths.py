"""Paths of drawings, written short: relative, in tenths, without points that nobody sees.

Matplotlib writes a line through every number of an array, in absolute coordinates with six
decimals. On a page a tenth of a point is an eighth of a pixel.
"""

import re
from itertools import groupby
from math import hypot

ABSOLUTE = re.compile(r"[MLQCZz\d\s.,+-]*")
PART = re.compile(r"([MLQCZz])([^MLQCZz]*)")
PAIRS = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}
#: How far, in units of the drawing, a line may pass by a point that is left out.
TOLERANCE = 0.05
#: How many points may be left out in a row.
LONGEST = 100


def shorten(path):
    """The same path, as Matplotlib writes it, in fewer characters.

    Points of straight or smooth runs within `TOLERANCE` are left out.

    >>> shorten("M 10 20 L 11.02 20.5 L 12 21 L 12 31.04 L 0.5 31.04 z")
    'm10 20l2 1l0 10l-11.5 0z'
    """
    if not ABSOLUTE.fullmatch(path):
        return path
    parts = [(name.upper(), _points(numbers)) for name, numbers in PART.findall(path)]
    if any(len(points) != PAIRS[name] for name, points in parts):
        return path
    written, here, start = [], (0, 0), (0, 0)
    for name, group in groupby(parts, key=lambda part: part[0]):
        runs = [points for _, points in group]
        if name == "L":
            line = [(here[0] / 10, here[1] / 10), *(run[0] for run in runs)]
            runs = [[point] for point in _thin(line)[1:]]
        for run in runs:
            tenths = [(round(10 * x), round(10 * y)) for x, y in run]
            steps = [step for x, y in tenths for step in (x - here[0], y - here[1])]
            written.append(name.lower() + " ".join(map(_number, steps)))
            start = tenths[-1] if name == "M" else start
            here = tenths[-1] if tenths else start
    return "".join(written)


def _points(numbers):
    values = [float(number) for number in numbers.replace(",", " ").split()]
    return list(zip(values[::2], values[1::2], strict=True))


def _thin(points):
    """The points of a line without those that it passes by within `TOLERANCE` anyway."""
    kept, first = [points[0]], 0
    for last in range(2, len(points)):
        if last - first > LONGEST or any(_distance(point, points[first], points[last]) > TOLERANCE
               for point in points[first + 1 : last]):  # fmt: skip
            first = last - 1
            kept.append(points[first])
    return kept + points[1:][-1:]


def _distance(point, start, end):
    """From a point to the stretch between two others."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    dx, dy = x1 - x0, y1 - y0
    square = dx * dx + dy * dy
    share = ((x - x0) * dx + (y - y0) * dy) / square if square else 0
    share = min(max(share, 0), 1)
    return hypot(x - x0 - share * dx, y - y0 - share * dy)


def _number(tenths):
    whole, tenth = divmod(abs(tenths), 10)
    digits = f"{whole or ''}.{tenth}" if tenth else str(whole)
    return "-" * (tenths < 0) + digits
