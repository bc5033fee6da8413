"""A MyST page as a notebook: reading it, and where in the file a cell stands."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache

from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook

is_notebook = is_myst_markdown_notebook


def read_notebook(text):
    """The notebook that a page's text stands for, without outputs; a fresh copy at each call."""
    return deepcopy(_parsed(text))


@lru_cache(maxsize=64)
def _parsed(text):
    notebook = read_myst_markdown_notebook(text, add_source_map=True)
    lines, starts = text.splitlines(), notebook.metadata["source_map"]
    for i, cell in enumerate(notebook.cells):
        # MyST-NB strips the blank lines above a text, but counts as if it had not ...
        while cell.cell_type == "markdown" and not lines[starts[i]].strip():
            starts[i] += 1
        starts[i] -= 1  # ... and reports every line one too high.
    return notebook


def code_cells(notebook):
    """The code cells, as (index among all cells, cell)."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def cell_line(text, notebook, index):
    """Line of the file, from 1, on which the first line of code of a cell stands."""
    lines = text.splitlines()
    code = notebook.cells[index].source.splitlines()
    start = notebook.metadata["source_map"][index] + 1
    for i in range(start, len(lines)):
        if lines[i : i + len(code)] == code:
            return i + 1
    return start + 1
