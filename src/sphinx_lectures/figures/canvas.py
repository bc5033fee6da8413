"""What a drawing by Matplotlib has beyond its canvas, where the page cuts it, or writes over it."""

import re
from cmath import exp
from math import pi
from xml.etree import ElementTree

MOVE = re.compile(r"(translate|rotate|scale)\(([^)]*)\)")
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e-?\d+)?")
LETTERS = re.compile(r"font(?:-size)?: ([\d.]+)px")
NARROW = 0.4  #: width of a letter, as a part of its height: the page's font may be a narrow one
BEFORE = {"middle": 0.5, "end": 1}  #: the part of a text that stands before its place
ALLOWED = 3  #: in points


def overhang(svg):
    """How far, in points, something reaches beyond the canvas; 0 if nothing does.

    >>> words = '<text x="2" style="font-size: 10px; text-anchor: end">above</text>'
    >>> overhang(f'<svg width="60pt" height="9pt">{words}<path d="M 70 0 L 5 5"/></svg>')
    18
    """
    root = ElementTree.fromstring(svg.encode())
    width, height = (float(root.get(side).removesuffix("pt")) for side in ("width", "height"))
    beyond = [
        max(-place.real, place.real - width, -place.imag, place.imag - height)
        for place in _places(root, 1, 0)
    ]
    most = max(beyond, default=0)
    return round(most) if most > ALLOWED else 0


def _places(element, turn, shift):
    """Places at which something is drawn, as complex numbers, unless an edge clips it."""
    tag = element.tag.rpartition("}")[2]
    if tag == "defs" or "clip-path" in element.attrib:
        return
    for kind, numbers in MOVE.findall(element.get("transform", "")):
        x, y, z = [*map(float, NUMBER.findall(numbers)), 0, 0][:3]
        if kind == "translate":
            shift += turn * complex(x, y)
        elif kind == "scale":
            turn *= x
        else:
            rotation = exp(1j * pi * x / 180)
            shift += turn * complex(y, z) * (1 - rotation)
            turn *= rotation
    for place in _own_places(tag, element):
        yield shift + turn * place
    for child in element if tag != "text" else ():
        yield from _places(child, turn, shift)


def _own_places(tag, element):
    if tag == "path":
        numbers = [float(number) for number in NUMBER.findall(element.get("d", ""))]
        yield from map(complex, numbers[::2], numbers[1::2])
    elif tag in ("use", "text"):
        place = complex(float(element.get("x", 0)), float(element.get("y", 0)))
        style = element.get("style", "")
        size = LETTERS.search(style)
        width = NARROW * float(size[1]) * len("".join(element.itertext())) if size else 0
        anchor = style.rpartition("text-anchor: ")[2].partition(";")[0]
        start = place - width * BEFORE.get(anchor, 0)
        yield from (start, start + width)
