"""Light pages: one small style sheet, fonts and icons cut, no script that a page does not use.

``lighten`` works on the pages once they are written: ``page`` takes one apart, ``stylesheet`` keeps
the rules in use, ``fonts`` the characters and ``icons`` draws icons. ``menus`` does what pages need
of Bootstrap's script.
"""

from __future__ import annotations

from sphinx_lectures import SAFE
from sphinx_lectures.light_pages import lighten, menus


def setup(app):
    # All pages are needed as they were written, since one may change the style sheet of all.
    app.setup_extension("sphinx_lectures.rebuilds")
    menus.connect(app)
    lighten.connect(app)
    return SAFE
