"""HTML elements as nodes, of which a quiz is made."""

from docutils import nodes

from sphinx_lectures import NOT_HTML


class element(nodes.General, nodes.Element):
    """An HTML element: `tag`, its `html` attributes, and the nodes that stand in it."""

    def __init__(self, tag="", *children, **html):
        # Attributes are written as Python allows: `class_`, `data_right`.
        html = {name.rstrip("_").replace("_", "-"): value for name, value in html.items()}
        super().__init__("", *children, tag=tag, html=html)

    def copy(self):
        return type(self)(self["tag"], **self["html"])


def _visit(translator, node):
    translator.body.append(translator.starttag(node, node["tag"], "", **node["html"]))


def _depart(translator, node):
    if node["tag"] != "input":
        translator.body.append(f"</{node['tag']}>")


def _skip(translator, node):
    raise nodes.SkipNode


SKIPPED = dict.fromkeys(NOT_HTML, (_skip, None))  #: for a node that other formats do without


def connect(app):
    app.add_node(element, html=(_visit, _depart), **SKIPPED)
