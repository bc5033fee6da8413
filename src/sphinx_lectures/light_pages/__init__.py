"""Light pages: one small style sheet, fonts and icons cut, no script that a page does not use.

``lighten`` works on the pages once they are written: ``page`` takes one apart, ``stylesheet`` keeps
the rules in use, ``fonts`` the characters and ``icons`` draws icons. ``menus.js`` does what pages
use of Bootstrap's script, which would be more than half of their scripts: the theme's one menu, its
tooltips and its button to the top. A page that uses more of it keeps Bootstrap. ``clipboard.js``
has the one function that copy buttons use of a library of 9 kB.
"""

from pathlib import Path

from sphinx_lectures import SAFE, add_files, add_static_files
from sphinx_lectures.light_pages import lighten


def setup(app):
    # All pages are needed as they were written, since one may change the style sheet of all.
    app.setup_extension("sphinx_lectures.rebuilds")
    menus, clipboard = (Path(__file__).with_name(f"{name}.js") for name in ("menus", "clipboard"))
    add_files(app, menus, wanted=lambda app, *_: app.config.lectures_light_pages)
    add_static_files(app, clipboard)
    app.add_js_file(clipboard.name, priority=400, loading_method="defer")  # before the buttons
    lighten.connect(app)
    return SAFE
