"""What drawings of all programs share: size, ids of their own, colours that follow the theme."""

from __future__ import annotations

import re

PAINTS = frozenset({"fill", "stroke", "color", "stop-color", "style"})
BLACK = re.compile(r"(^|:\s*)(#000(000)?|black)(?![\w-])", re.I)
WHITE = re.compile(r"(^|:\s*)(#fff(fff)?|white)(?![\w-])", re.I)
REFERENCE = re.compile(r"""(url\(['"]?#)([^'")]+)""")
LENGTH = re.compile(r"\s*(\d*\.?\d+)(px|pt|pc|in|cm|mm)?\s*")
PER_INCH = {None: 96, "px": 96, "pt": 72, "pc": 6, "in": 1, "cm": 2.54, "mm": 25.4}


def size_of(root):
    """Width and height in CSS pixels; where the drawing does not say, as browsers have it."""
    width, height = (_pixels(root.get(name, "")) for name in ("width", "height"))
    if box := root.get("viewBox"):
        across, down = map(float, box.replace(",", " ").split()[2:])
        scale = width / across if width else height / down if height else 1
    else:
        across, down, scale = 300, 150, 1
    return width or across * scale, height or down * scale


def _pixels(length):
    """None for a length that depends on what is around the drawing."""
    found = LENGTH.fullmatch(length)
    return float(found[1]) * 96 / PER_INCH[found[2]] if found else None


def renamed(name, value, prefix):
    """Ids and references to them with the prefix."""
    if name == "id":
        return prefix + value
    if name == "href" and value.startswith("#"):
        return "#" + prefix + value[1:]
    return REFERENCE.sub(rf"\g<1>{prefix}\2", value)


def recolored(paint):
    """Black as the colour of the text around the drawing, white as that of its background."""
    paint = BLACK.sub(r"\1currentColor", paint)
    return WHITE.sub(r"\1var(--pst-color-background, Canvas)", paint)
