"""A drawing of any program stays whole in a frame, beyond which its style sheet does not reach."""

from __future__ import annotations

import re

from sphinx_lectures.figures.drawing import PAINTS, recolored, renamed

#: Rules of a style sheet that name no elements, and count at its top only.
AT_THE_TOP = re.compile(
    r"@(?:import|namespace|charset)(?:\([^)]*\)|[^;(])*;"
    r"|@(?:font-face|[\w-]*keyframes)[^{}]*\{(?:[^{}]|\{[^{}]*\})*\}"
)


def confine(root, frame, prefix):
    """Fit a whole drawing into a frame, beyond which its style sheets and ids do not reach."""
    for name in ("x", "y", "width", "height"):
        root.attrib.pop(name, None)
    for element in root.iter():
        element[:] = [child for child in element if child.tag != "metadata"]
    ids = {element.get("id") for element in root.iter()}
    shades = {part for mask in root.iter("mask") for part in mask.iter()}
    for element in root.iter():
        for name, value in element.items():
            value = renamed(name, value, prefix)
            is_paint = name in PAINTS and element not in shades  # white in a mask is no colour
            element.set(name, recolored(value) if is_paint else value)
        if element.tag == "mask":
            element.attrib.setdefault("fill", "black")
    for style in root.iter("style"):
        frame.set("id", f"{prefix}frame")
        style.text = _confined("".join(style.itertext()), prefix, ids)
    return root


def _confined(sheet, prefix, ids):
    """A style sheet with its rules nested in one that names the frame, and with the new ids."""
    sheet = re.sub(r"#([\w-]+)", lambda name: f"#{prefix * (name[1] in ids)}{name[1]}", sheet)
    sheet = recolored(sheet).replace(":root", "&")
    top = "".join(AT_THE_TOP.findall(sheet))
    return f"{top}#{prefix}frame{{{AT_THE_TOP.sub('', sheet)}}}"
