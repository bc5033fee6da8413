"""Figures as cells draw them, and a page that shows one."""

import io
from pathlib import Path

import nbformat
from matplotlib import style
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

LECTURES = Path(__file__).parents[2] / "lectures" / "matplotlibrc"


def draw(plot, settings=LECTURES):
    """SVG of what a function draws, with some settings on top of Matplotlib's own."""
    out = io.StringIO()
    with style.context(["default", settings]):
        figure = Figure()
        plot(figure.subplots())
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def show(folder, data, text="# Page", **options):
    """Write a notebook in which a cell, with options for MyST-NB, shows a bundle of data."""
    output = new_output("display_data", data)
    cells = [
        new_markdown_cell(text, id="a"),
        new_code_cell("shown", id="b", outputs=[output], metadata={"mystnb": options}),
    ]
    head = {"language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=head), folder / "index.ipynb")
