"""What `execution` touches of Sphinx, MyST-NB and nbclient beyond their documented interfaces."""

import atexit
import json
from logging import getLogger

from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from nbformat import from_dict
from nbformat.v4 import new_notebook
from sphinx.util.logging import NAMESPACE

PRIVATE = (
    "myst_nb.core.read.is_myst_markdown_notebook",
    "myst_nb.core.read.read_myst_markdown_notebook",
    "nbclient.NotebookClient._async_cleanup_kernel",
    "nbclient.NotebookClient._cleanup_kernel",
    "sphinx.util.logging.NAMESPACE",
)

is_notebook = is_myst_markdown_notebook


def parse(text):
    """The notebook that a page's text stands for; in "source_map", where its cells begin."""
    if not text.strip():  # MyST-NB expects a first token
        return new_notebook(metadata={"source_map": []})
    notebook = read_myst_markdown_notebook(text, add_source_map=True)
    lines, starts = text.splitlines(), notebook.metadata["source_map"]
    for i, cell in enumerate(notebook.cells):
        # MyST-NB strips the blank lines above a text, but counts as if it had not ...
        while cell.cell_type == "markdown" and not lines[starts[i]].strip():
            starts[i] += 1
        starts[i] -= 1  # ... and reports every line one too high.
    # Its header may hold what no notebook can, such as a date.
    notebook.metadata = from_dict(json.loads(json.dumps(notebook.metadata, default=str)))
    return notebook


def sphinx_logger():
    """Where all warnings of a build pass."""
    return getLogger(NAMESPACE)


async def end_kernel(client):
    """End a kernel that was interrupted while it started; nbclient leaves it running."""
    atexit.unregister(client._cleanup_kernel)
    if client.km:
        await client._async_cleanup_kernel()
