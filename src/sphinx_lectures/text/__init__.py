"""What is written: formulas, line breaks, and cards of what a text names.

``mathml`` converts formulas, which ``tex`` has made fit for the converter; ``line_breaks`` keeps
a mark on the line of the formula before it; ``cards`` shows what a reference leads to before it
is followed. ``mocked_imports`` keeps what autodoc mocks mocked while it reads the reference of the
library.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.text import cards, line_breaks, mathml, mocked_imports


def setup(app):
    for part in (cards, mathml, line_breaks, mocked_imports):
        part.connect(app)
    return SAFE
