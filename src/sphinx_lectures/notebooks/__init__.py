"""Each lecture as a Jupyter notebook to take away, linked below its title.

``offer`` writes the notebook and links to it, ``copy`` chooses its cells, ``markdown`` writes the
text between them.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.notebooks import offer


def setup(app):
    app.setup_extension("sphinx_lectures.execution")  # it knows which files a page reads
    app.setup_extension("sphinx_lectures.exercises")  # it knows which cells belong to a solution
    offer.connect(app)
    return SAFE
