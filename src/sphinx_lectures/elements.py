"""What extensions need that put something of their own into a page: elements, titles, files."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes

STATIC = Path(__file__).parent / "static"


class element(nodes.General, nodes.Element):
    """An HTML element: `tag`, its `html` attributes, and the nodes that stand in it."""

    def __init__(self, tag="", *children, **html):
        # Attributes are written as Python allows: `class_`, `data_right`.
        html = {name.rstrip("_").replace("_", "-"): value for name, value in html.items()}
        super().__init__("", *children, tag=tag, html=html)

    def copy(self):
        return type(self)(self["tag"], **self["html"])


def page_title(app, docname):
    """The title of a page; that of the site if it has none."""
    title = app.env.titles[docname].astext()
    return app.config.project if title == "<no title>" else title


def publish(config, *names):
    """Make files of static/ files of the site."""
    config.html_static_path = [*config.html_static_path, *(str(STATIC / name) for name in names)]


def add_files(app, name, *kinds):
    """Load static/`name`.js and static/`name`.css on those pages that hold a node of `kinds`."""
    script, style = f"{name}.js", f"{name}.css"

    def load(app, pagename, templatename, context, doctree):
        if doctree and any(isinstance(node, kinds) for node in doctree.findall()):
            app.add_js_file(script, loading_method="defer")
            app.add_css_file(style)

    app.connect("config-inited", lambda app, config: publish(config, script, style))
    app.connect("html-page-context", load)


def add_style(app, name):
    """Load static/`name`.css on every page."""
    style = f"{name}.css"
    app.connect("config-inited", lambda app, config: publish(config, style))
    app.add_css_file(style)


def _visit(translator, node):
    translator.body.append(translator.starttag(node, node["tag"], "", **node["html"]))


def _depart(translator, node):
    if node["tag"] != "input":
        translator.body.append(f"</{node['tag']}>")


def setup(app):
    app.add_node(element, html=(_visit, _depart))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
