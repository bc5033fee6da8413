"""Figures of cells as SVG within the page, and sliders over frames that were drawn beforehand.

``svg`` puts a drawing into the page, and ``svg_paths`` writes its paths short; ``sliders`` sends
only what distinguishes the ``frames`` of a figure; ``canvas`` finds what a drawing has beyond its
edge; ``import_diagram`` draws packages from their imports (``{house}``).
"""

from sphinx_lectures import SAFE
from sphinx_lectures.figures import import_diagram, sliders, svg


def setup(app):
    svg.connect(app)
    sliders.connect(app)
    import_diagram.connect(app)
    return SAFE
