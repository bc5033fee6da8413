"""Formulas and typography: ``mathml``, ``line_breaks``, and formulas that are found by name.

The last is ``formula_index``. ``mocked_imports`` keeps what autodoc mocks mocked while it reads the
reference of the library.
"""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.text import formula_index, line_breaks, mathml, mocked_imports


def setup(app):
    for part in (mathml, line_breaks, formula_index, mocked_imports):
        part.connect(app)
    return SAFE
