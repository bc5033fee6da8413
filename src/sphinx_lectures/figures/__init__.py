"""Figures of cells as SVG within the page, and sliders over frames that were drawn beforehand.

``svg`` puts a drawing into the page, and ``svg_paths`` writes its paths short; ``sliders`` sends
only what distinguishes the ``frames`` of a figure; ``canvas`` finds what a drawing has beyond its
edge; ``house`` draws packages from their imports.
"""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.figures import house, sliders, svg


def setup(app):
    svg.connect(app)
    sliders.connect(app)
    house.connect(app)
    return SAFE
