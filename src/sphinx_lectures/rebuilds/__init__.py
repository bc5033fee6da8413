"""Write only pages in which something has changed, and publish a site only whole.

``incremental`` writes what changed, ``publish`` swaps the site in, ``kept`` keeps results from
build to build.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.rebuilds import incremental


def setup(app):
    incremental.connect(app)
    return SAFE
