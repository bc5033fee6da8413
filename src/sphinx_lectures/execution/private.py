"""What `execution` touches of Sphinx, MyST-NB and nbclient beyond their documented interfaces."""

from __future__ import annotations

import atexit
from logging import getLogger
from unittest.mock import patch

from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sphinx.util.logging import NAMESPACE, get_node_location

PRIVATE = (
    "myst_nb.core.read._load_code_from_file",
    "myst_nb.core.read.is_myst_markdown_notebook",
    "myst_nb.core.read.read_myst_markdown_notebook",
    "nbclient.NotebookClient._async_cleanup_kernel",
    "nbclient.NotebookClient._cleanup_kernel",
    "sphinx.util.logging.NAMESPACE",
    "sphinx.util.logging.get_node_location",
)

is_notebook = is_myst_markdown_notebook
location_of = get_node_location


def parse(text):
    """The notebook that a page's text stands for; in "source_map", where its cells begin."""
    # MyST-NB would load files itself, but for one that is missing there would be no notebook.
    with patch("myst_nb.core.read._load_code_from_file", lambda path, name, token, body: body):
        notebook = read_myst_markdown_notebook(text, add_source_map=True)
    lines, starts = text.splitlines(), notebook.metadata["source_map"]
    for i, cell in enumerate(notebook.cells):
        # MyST-NB strips the blank lines above a text, but counts as if it had not ...
        while cell.cell_type == "markdown" and not lines[starts[i]].strip():
            starts[i] += 1
        starts[i] -= 1  # ... and reports every line one too high.
    return notebook


def sphinx_logger():
    """Where all warnings of a build pass."""
    return getLogger(NAMESPACE)


async def end_kernel(client):
    """End a kernel that was interrupted while it started; nbclient leaves it running."""
    atexit.unregister(client._cleanup_kernel)
    if client.km:
        await client._async_cleanup_kernel()
