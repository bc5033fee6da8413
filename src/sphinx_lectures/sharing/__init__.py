"""Links that need an address on the web: that of the site, or that of its repository.

Without the environment variables ``SITE_URL`` and ``SITE_REPOSITORY`` no page has such a link.
``search_engines`` says what these, and previews of shared links, get; ``repository`` where a page
is edited, an error reported, and a notebook opened.
"""

from sphinx_lectures import SAFE
from sphinx_lectures.sharing import repository, search_engines


def setup(app):
    search_engines.connect(app)
    repository.connect(app)
    return SAFE
