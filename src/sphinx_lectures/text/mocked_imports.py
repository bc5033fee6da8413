"""Packages that autodoc mocks stay mocked while the site is built.

autodoc puts its mocks away as soon as a module is imported, and then looks up the modules of base
classes: for a class that extends one of Keras it would import all of TensorFlow, for nothing.
"""

import sys
from contextlib import suppress

from sphinx_lectures.text.private import Mocks


def connect(app):
    app.connect("builder-inited", _mock)


def _mock(app):
    finder = Mocks(getattr(app.config, "autodoc_mock_imports", []))
    sys.meta_path.insert(0, finder)

    def put_away(*_):
        with suppress(ValueError):  # a build that fails as it finishes, finishes twice
            sys.meta_path.remove(finder)
        finder.invalidate_caches()  # forgets the mocked modules

    app.connect("build-finished", put_away)
