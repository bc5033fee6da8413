"""Buttons that copy code, without the library of 9 kB of which they use one function."""

from pathlib import Path

from sphinx_lectures import add_static_files

LIBRARY = "_static/clipboard.min.js"  #: that sphinx_copybutton brings along
FILE = Path(__file__).with_suffix(".js")


def _exchange(app, pagename, templatename, context, doctree):
    scripts = context.get("script_files", [])  # of this page
    others = [script for script in scripts if getattr(script, "filename", script) != LIBRARY]
    if app.config.lectures_light_pages and len(others) < len(scripts):
        scripts[:] = others
        app.add_js_file(FILE.name, priority=400, loading_method="defer")  # before the buttons


def connect(app):
    add_static_files(app, FILE)
    app.connect("html-page-context", _exchange)
