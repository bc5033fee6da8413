"""The theme's one menu, its tooltips and its button to the top, without Bootstrap's script.

They are all that pages use of Bootstrap, which is more than half of a page's scripts. Where a page
uses more of it, `lean` leaves Bootstrap there and drops static/menus.js instead.
"""

from __future__ import annotations

from sphinx_lectures.elements import publish

FILES = ("menus.js", "menus.css")


def _publish(app, config):
    if config.lectures_lean:
        publish(config, *FILES)


def _load(app, pagename, templatename, context, doctree):
    if app.config.lectures_lean:
        script, style = FILES
        app.add_js_file(script, loading_method="defer")
        app.add_css_file(style)


def setup(app):
    app.connect("config-inited", _publish)
    app.connect("html-page-context", _load)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
