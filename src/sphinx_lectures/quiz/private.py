"""What `quiz` touches of Sphinx beyond its documented interface."""

from __future__ import annotations

PRIVATE = (
    "sphinx.writers.html5.HTML5Translator.add_fignumber",
    "sphinx.environment.BuildEnvironment.toctree_includes",
)


def write_number(translator, node):
    """Write the number of a numbered thing, as captions do."""
    translator.add_fignumber(node)


def pages_below(env, page):
    """A page and those in its tables of contents, in the order in which they are read."""
    found = [page]
    for below in env.toctree_includes.get(page, ()):
        found += [name for name in pages_below(env, below) if name not in found]
    return found
