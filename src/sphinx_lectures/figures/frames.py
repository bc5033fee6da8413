"""Frames of one drawing: what distinguishes them, so that a page need not carry each of them."""

import json
import re
import zlib
from itertools import compress, pairwise
from xml.etree import ElementTree

from sphinx_lectures.figures.svg_paths import shorten

NUMERAL = re.compile(r"-?\d+(?:\.\d+)?")


def changes(frames):
    """What distinguishes frames, elements such as `inline_svg` returns, as compactly as can be.

    Each change is a list: the position of an element in document order; the attribute that changes,
    or "" for the text; its value with a "~" in place of each number that changes; and for every
    frame these numbers in tenths, each as the difference from the one before. If more than numbers
    changes, the third is None and the last lists the values themselves. Frames that do not
    consist of the same elements raise a `ValueError`.

    >>> changes(['<svg><text y="2.5">A</text></svg>', '<svg><text y="3">B</text></svg>'])
    [[1, 'y', '~', [[25], [30]]], [1, '', None, ['A', 'B']]]
    """
    trees = [_elements(frame) for frame in frames]
    if len({tuple(_structure(part) for part in tree) for tree in trees}) > 1:
        raise ValueError("its frames do not consist of the same elements")
    found = []
    for place, parts in enumerate(zip(*trees, strict=True)):
        for name in [*sorted({name for part in parts for name in part.attrib}), ""]:
            values = [part.get(name, "") if name else part.text or "" for part in parts]
            if len(set(values)) > 1:
                found.append([place, name, *_packed(name, values)])
    return found


def _elements(frame):
    """Elements in document order. Ids are hashes of what they name: they become numbers."""
    names = dict.fromkeys(re.findall(r' id="([^"]*)"', frame))
    numbers = {name: f"id{count}" for count, name in enumerate(names)}
    frame = re.sub(r'(?<=["#])[^"#()]+(?=[")])', lambda n: numbers.get(n[0], n[0]), frame)
    return list(ElementTree.fromstring(frame).iter())


def _structure(part):
    mixed = len(part) and part.text, part.tail
    return part.tag, len(part), mixed, *(part.get(name) for name in ("id", "href", "clip-path"))


def _packed(name, values):
    """A template and the numbers of each frame; None and the values if that is shorter."""
    whole = None, [shorten(value) if name == "d" else value for value in values]
    if name == "d":
        values = [NUMERAL.sub(lambda n: f"{float(n[0]):.1f}", value) for value in values]
    skeletons = {NUMERAL.sub("~", value) for value in values}
    if name not in ("d", "points", "transform", "x", "y") or len(skeletons) > 1:
        return whole
    numbers = [NUMERAL.findall(value) for value in values]
    moves = [len(set(column)) > 1 for column in zip(*numbers, strict=True)]
    moving = iter(moves)
    template = NUMERAL.sub(lambda number: "~" if next(moving) else number[0], values[0])
    tenths = [[round(10 * float(n)) for n in compress(frame, moves)] for frame in numbers]
    steps = [[b - a for a, b in pairwise([0, *frame])] for frame in tenths]
    return min((template, steps), whole, key=_weight)


def _weight(packed):
    """What it takes on a page, compressed."""
    return len(zlib.compress(json.dumps(packed, separators=(",", ":")).encode()))
