"""What others see of a page: its address, what a link to it shows, and how to cite it."""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.sharing import addresses, citation, link_previews


def setup(app):
    for part in (addresses, citation, link_previews):
        part.connect(app)
    return SAFE
