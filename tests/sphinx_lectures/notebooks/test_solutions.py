"""What stands in a solution stands in the notebook in the same order, cells as cells."""

import nbformat
import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

SETTINGS = {
    "extensions": ["myst_nb", "sphinx_lectures.execution", "sphinx_lectures.notebooks"],
}
PAGE = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---
# Page

```{admonition} Solution
:class: solution
It is 42:
```

```{code-cell} ipython3
print(6 * 7)
```

That was it.

After the solution.
"""


def gather(app, doctree):
    """Move what stands between the solution and the last paragraph into it, as extensions do."""
    (section,) = doctree.children
    _, solution, *inner, _ = section.children
    for node in inner:
        section.remove(node)
        solution += node


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Function that reads the notebook of the page, or its hand-out, as (kind, text) of cells."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.md").write_text(PAGE, encoding="utf-8")
    site = folder / "_build/html"
    with docutils_namespace():
        app = Sphinx(
            folder, None, site, folder / "_build/doctrees", "html", SETTINGS,
            status=None, warningiserror=True,
        )  # fmt: skip
        app.connect("doctree-read", gather)
        app.build()

    def cells(name):
        notebook = nbformat.read(site / "_notebooks" / f"{name}.ipynb", as_version=4)
        return [(cell.cell_type, cell.source) for cell in notebook.cells[1:]]

    return cells


def test_cells_of_a_solution_keep_their_place_and_have_no_output(cells):
    before, cell, after = cells("index")
    folded = "<details>\n<summary>Solution</summary>\n\nIt is 42:\n\n</details>"
    assert before == ("markdown", folded)
    assert cell == ("code", "print(6 * 7)")
    assert after == ("markdown", "That was it.\n\nAfter the solution.")


def test_hand_out_has_an_empty_cell_in_their_place(cells):
    answer, cell, after = cells("index_student")
    assert answer == ("markdown", "*Your answer:*")
    assert (cell, after) == (("code", ""), ("markdown", "After the solution."))
