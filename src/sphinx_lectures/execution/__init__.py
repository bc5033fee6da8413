"""Run the code cells of pages before Sphinx reads them; keep outputs by content; stay red.

``outputs`` decides which pages run and keeps what came out, ``schedule`` runs several at once,
``kernel`` runs one. ``page`` reads a page as a notebook; ``recorder`` notes, in its kernel, what it
reads, and ``reads`` knows whether all of that is as it was. ``findings`` are statements that may
fail to hold, ``kernel_environment`` says what variables kernels find, and pins their instructions;
``failed_pages`` has a failing page fail again until it is mended.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.execution import failed_pages, findings, kernel_environment, outputs


def setup(app):
    for part in (failed_pages, findings, kernel_environment, outputs):
        part.connect(app)
    return SAFE
