"""What `quiz` touches of Sphinx beyond its documented interface."""

from __future__ import annotations

PRIVATE = ("sphinx.writers.html5.HTML5Translator.add_fignumber",)


def write_number(translator, node):
    """Write the number of a numbered thing, as captions do."""
    translator.add_fignumber(node)
