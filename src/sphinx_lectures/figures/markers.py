"""Markers, ticks and grid lines of a drawing: of each kind one element, where there were many.

Matplotlib writes an element for every marker, and a browser makes three of it: itself, a copy of
its shape, and what holds the copy. A line that nobody sees, with a marker at each of its points,
is drawn alike.
"""

from __future__ import annotations

from itertools import count, groupby
from xml.etree.ElementTree import Element

#: In which order the parts of an axis are drawn; others come last.
ORDER = {"defs": 0, "path": 1, "use": 2, "text": 3}
PLACES = frozenset({"d", "x", "y"})


def axes_of(root):
    """The axes of a drawing: groups of ticks, their labels, and grid lines."""
    return [group for group in root.iter("g") if "matplotlib.axis_" in group.get("id", "")]


def gather(axis):
    """Bring together what is alike in an axis, where nothing lies upon another; in place."""
    parts = sorted(axis, key=lambda part: ORDER.get(part.tag, len(ORDER)))
    del axis[:]
    for _, alike in groupby(parts, key=_look):
        first, *others = alike
        if first.tag == "path":
            lines = [path.get("d", "") for path in (first, *others)]
            first.set("d", " ".join(filter(None, lines)))
            others = []
        axis.extend([first, *others])


def merge(root):
    """Put one line with markers in the place of neighbours that differ in their place only.

    Parameters
    ----------
    root : Element
        A drawing, without namespaces; it is changed. Shapes that it no longer uses stay.
    """
    shapes = {shape.get("id"): shape for shape in root.iter("path") if shape.get("id")}
    numbers = count(1)
    for group in list(root.iter()):
        runs = [list(alike) for _, alike in groupby(group, key=_look)]
        group[:] = [part for run in runs for part in _merged(run, shapes, numbers)]


def _look(element):
    """Equal for elements that differ in their place only."""
    if element.tag not in ("path", "use"):
        return id(element)
    return [element.tag, *sorted(item for item in element.items() if item[0] not in PLACES)]


def _merged(alike, shapes, numbers):
    first = alike[0]
    shape = shapes.get(first.get("href", "")[1:])
    if first.tag != "use" or len(alike) == 1 or shape is None:
        return alike
    name = f"{shape.get('id')}-{next(numbers)}"
    style = "; ".join(filter(None, (first.get("style"), shape.get("style"))))
    marker = Element("marker", id=name, overflow="visible", markerUnits="userSpaceOnUse")
    marker.append(Element("path", d=shape.get("d", ""), style=style))
    points = " ".join(f"{use.get('x', '0')} {use.get('y', '0')}" for use in alike)
    line = Element("polyline", points=points, style=f"fill: none; marker: url(#{name})")
    if clip := first.get("clip-path"):
        line.set("clip-path", clip)
    return marker, line
