"""What is written: ``mathml`` for formulas, ``line_breaks``, and ``cards`` of what a text names.

``mocked_imports`` keeps what autodoc mocks mocked while it reads the reference of the library.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.text import cards, line_breaks, mathml, mocked_imports


def setup(app):
    for part in (cards, mathml, line_breaks, mocked_imports):
        part.connect(app)
    return SAFE
