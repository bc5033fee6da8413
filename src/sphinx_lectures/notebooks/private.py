"""What `notebooks` touches of Sphinx and sphinxcontrib.bibtex beyond their interfaces."""

from types import SimpleNamespace

from docutils import nodes
from sphinx.util.math import get_node_equation_number

PRIVATE = (
    "sphinx.environment.BuildEnvironment.toc_fignumbers",
    "sphinx.util.math.get_node_equation_number",
    "sphinxcontrib.bibtex.nodes.raw_latex",  # citations are marked as `works_cited` reads them
)


def numbers(app, docname, doctree):
    """What numbered things of a page are called, and the numbers of its equations, by id."""
    config = app.config
    names = {
        name: config.numfig_format[kind] % ".".join(map(str, number))
        for kind, things in app.env.toc_fignumbers.get(docname, {}).items()
        for name, number in things.items()
        if config.numfig and kind in config.numfig_format
    }
    translator = SimpleNamespace(builder=app.builder)
    equations = {
        node["ids"][0]: str(get_node_equation_number(translator, node))
        for node in doctree.findall(nodes.math_block)
        if node["ids"]
    }
    return names, equations


def works_cited(doctree):
    """Full entries of what a page cites, in the order in which it does."""
    entries = {
        reference["reftitle"]: None
        for inline in doctree.findall(nodes.inline)
        if "bibtex-citation" in inline["classes"]
        for reference in inline.findall(nodes.reference)
        if "reftitle" in reference
    }
    return list(entries)
