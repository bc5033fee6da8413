"""A MyST page as a notebook: reading it, and where in the file a cell stands."""

from copy import deepcopy
from functools import lru_cache

from sphinx_lectures.execution.private import is_notebook, parse

__all__ = ["cell_line", "code_cells", "is_notebook", "is_to_run", "read_notebook"]

_parsed = lru_cache(maxsize=64)(parse)


def read_notebook(text):
    """The notebook that a page's text stands for, without outputs; a fresh copy at each call."""
    return deepcopy(_parsed(text))


def code_cells(notebook):
    """The code cells, as (index among all cells, cell)."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def is_to_run(notebook):
    """Whether there is code in a notebook, and it is not said at its head that it is to rest."""
    mode = (notebook.metadata.get("mystnb") or {}).get("execution_mode")
    return bool(code_cells(notebook)) and mode not in ("off", False)  # `off` is False in YAML


def language(notebook):
    """The language of a notebook's kernel: "python", or what stands at its head instead."""
    kernel = notebook.metadata.get("kernelspec") or {}
    names = [str(kernel[key]) for key in ("language", "name", "display_name") if key in kernel]
    names = names or ["python"]
    return "python" if any("python" in name.lower() for name in names) else names[0]


def cell_line(text, notebook, index):
    """Line of the file, from 1, on which the first line of code of a cell stands."""
    lines = text.splitlines()
    start = notebook.metadata["source_map"][index] + 1
    code = notebook.cells[index].source.splitlines()
    for i in range(start, len(lines)):
        if lines[i : i + len(code)] == code:
            return i + 1
    return start + 1
