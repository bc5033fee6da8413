"""Formulas are found by name: the label of an equation becomes an entry of index and search.

Search looks for words of the text, and a formula's name need not be one: this adds what the
author called it. ``$$ ... $$ (eq-spectral-radius)`` is found as "spectral radius". A label that
MyST has made up (a UUID) is no name.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

MADE_UP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FormulaIndex(SphinxTransform):
    """Puts an index entry before each equation that has a label."""

    default_priority = 700  # before Sphinx collects the entries of a page

    def apply(self, **kwargs):
        for equation in list(self.document.findall(nodes.math_block)):
            label = equation.get("label")
            if label and equation["ids"] and (name := formula_name(label, self.config)):
                entry = ("single", name, equation["ids"][0], "", None)
                equation.parent.insert(
                    equation.parent.index(equation), addnodes.index(entries=[entry])
                )


def formula_name(label, config):
    """The name in a label: what the first group of `formula_index_label` matches, as words."""
    match = not MADE_UP.fullmatch(label) and re.fullmatch(config.formula_index_label, label)
    return " ".join(re.split(r"[-_:]+", match[1])) if match else ""


def connect(app):
    app.add_config_value("formula_index_label", r"(?:eq[-:])?(.+)", "env", types=[str])
    app.add_transform(FormulaIndex)
