"""What `figures` touches of MyST-NB beyond its documented interface."""

from myst_nb.core.render import load_mime_renders

PRIVATE = (
    "myst_nb.core.render.MimeData",
    "myst_nb.core.render.NbElementRenderer.renderer",
    "myst_nb.core.render.NbElementRenderer.source",
    "myst_nb.core.render.load_mime_renders",
    "myst_nb.sphinx_.SphinxNbRenderer.get_cell_level_config",
)


def add_renderer(renderer):
    """Have outputs of cells rendered by a class with `handle_mime`.

    MyST-NB finds renderers by entry points, which would reach every site built where this package
    is installed. Its list of them is made once, so a renderer can join it for this site only.
    """
    if renderer not in load_mime_renders():
        load_mime_renders().append(renderer)


def image_options(renderer, data):
    """What the author of a cell says of its figures."""
    return renderer.renderer.get_cell_level_config(
        "render_image_options", data.cell_metadata, line=data.line
    )


def set_place(renderer, data, node):
    """Note from which line of which file a node comes."""
    node.source, node.line = renderer.source, data.line


def show_alone(node):
    """Of the variants that MyST-NB keeps of an output, leave the one with this node."""
    node.parent.parent.children = [node.parent]
