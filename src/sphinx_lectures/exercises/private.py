"""What `exercises` touches of MyST-NB beyond its documented interface."""

from __future__ import annotations

from docutils import nodes

PRIVATE = (
    "myst_nb.core.render.NbElementRenderer",  # it marks cells as `is_cell` reads them
    "myst_nb.sphinx_.HideInputCells",  # it folds what has a "hide_mode"
)


def is_cell(node):
    """Whether a node holds the code of a cell; its "cell_index" says of which one."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def show_whole(cell):
    """A cell without a fold of its own."""
    cell.attributes.pop("hide_mode", None)
    return cell
