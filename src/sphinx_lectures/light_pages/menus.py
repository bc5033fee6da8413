"""The theme's one menu, its tooltips and its button to the top, without Bootstrap's script.

They are all that pages use of Bootstrap, which is more than half of a page's scripts. Where a page
uses more of it, `page` leaves Bootstrap there and drops menus.js instead.
"""

from __future__ import annotations

from pathlib import Path

FILES = [Path(__file__).with_suffix(suffix) for suffix in (".js", ".css")]


def _add(app, config):
    if config.lectures_light_pages:
        config.html_static_path = [*config.html_static_path, *map(str, FILES)]


def _load(app, pagename, templatename, context, doctree):
    if app.config.lectures_light_pages:
        script, style = (file.name for file in FILES)
        app.add_js_file(script, loading_method="defer")
        app.add_css_file(style)


def connect(app):
    app.connect("config-inited", _add)
    app.connect("html-page-context", _load)
