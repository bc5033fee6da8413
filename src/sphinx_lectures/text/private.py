"""What `text` touches of Sphinx beyond its documented interface."""

from sphinx.ext.autodoc.mock import MockFinder
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number

PRIVATE = (
    "sphinx.ext.autodoc.mock.MockFinder.invalidate_caches",
    "sphinx.util.math.get_node_equation_number",
    "sphinx.writers.html5.HTML5Translator.add_permalink_ref",
)

Mocks = MockFinder
equation_number = get_node_equation_number


def add_link_to_equation(translator, node):
    """Write the sign that links to an equation."""
    translator.add_permalink_ref(node, _("Link to this equation"))
