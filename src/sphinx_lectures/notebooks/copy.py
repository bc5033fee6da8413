"""The reader's copy of a page: a notebook with its visible cells and its text as plain Markdown."""

import ast
import re
import sys
from itertools import groupby

from docutils import nodes
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from sphinx_lectures.execution.page import code_cells, read_notebook
from sphinx_lectures.exercises.folds import is_solution
from sphinx_lectures.exercises.private import is_cell
from sphinx_lectures.notebooks.markdown import Markdown, escape, fenced
from sphinx_lectures.notebooks.private import numbers, works_cited

ROOM_FOR_CODE = nodes.comment()  #: stands for an empty cell of code
NEW_CELL = None  #: stands between blocks of text that are cells of their own
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
#: Parts of the figure style that only make sense on a page: vector files, no background.
PAGE_STYLE = re.compile(r"svg\.|savefig\.|.*(face|edge)color")
STYLE = """\
# How the figures look
import matplotlib

matplotlib.rcParams.update({{
{items}
}})"""
FETCH = """\
# Files that the page reads
from pathlib import Path
from urllib.request import urlretrieve

for name in {names}:
    if not Path(name).exists():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        urlretrieve({address} + name, name)"""


def has_solutions(doctree):
    """Whether something on the page is marked as a solution, or answers a quiz."""
    return any(is_solution(node) or _is_answers(node) for node in doctree.findall(nodes.Element))


def notebook_of(page, doctree, solutions=True):
    """The notebook of a page, with no outputs, and with positions as ids of its cells.

    In a copy to hand out, which has no `solutions`, there is room for an answer in the place of
    each, and for code if it has some; answers of quizzes and sections of the class ``solution`` are
    left out.
    """
    source = read_notebook(page.text)
    writer = Markdown(*numbers(page.app, page.docname, doctree), page.link)
    title = doctree.next_node(nodes.title)
    parts = [(node, level) for node, level in _parts(doctree, solutions) if node is not title]
    shown = {node["cell_index"] for node, _ in parts if is_cell(node)}
    setup = [i for i, cell in code_cells(source) if "setup" in cell.metadata.get("tags", [])]
    hidden = [i for i in setup if i not in shown]
    imported = _imported(source.cells[i].source for i in (*shown, *hidden))
    found = [f"# {writer.inline(*title.children)}"] if title else []
    found += [*_introduction(page, imported, solutions), NEW_CELL, *_preparations(page, imported)]
    for node, level in parts:
        if node is ROOM_FOR_CODE:
            found.append(_code(""))
        elif is_cell(node):
            while hidden and hidden[0] < node["cell_index"]:
                found.append(_code(source.cells[hidden.pop(0)].source))
            found.append(_copy(source.cells[node["cell_index"]], is_solution(node.parent)))
            found += writer.blocks(*node.findall(nodes.caption))
        elif isinstance(node, nodes.title):
            found += [NEW_CELL, f"{'#' * level} {writer.inline(*node.children)}"]
        else:
            found += writer.blocks(node)
    if works := works_cited(doctree):
        found += ["## References", "\n".join(f"- {escape(work)}" for work in works)]
    cells = list(_cells(found))
    for position, cell in enumerate(cells, 1):
        cell.id = f"cell-{position}"
    return new_notebook(cells=cells, metadata=METADATA)


def _cells(found):
    """Cells, of which those of text hold all blocks that follow each other."""
    for is_text, group in groupby(found, key=lambda one: isinstance(one, str)):
        if is_text:
            yield new_markdown_cell("\n\n".join(group))
        else:
            yield from (cell for cell in group if cell is not NEW_CELL)


def _parts(parent, solutions, level=0):
    """What stands on a page, from top to bottom, with the depth of its section."""
    for node in parent.children:
        if isinstance(node, nodes.section):
            if solutions or not is_solution(node):
                yield from _parts(node, solutions, level + 1)
        elif not is_solution(node):
            yield node if solutions else _without_answers(node), level
        elif solutions:
            yield from ((piece, level) for piece in _pieces(node))
        else:
            yield nodes.paragraph("", "", nodes.emphasis("", "Your answer:")), level
            yield from [(ROOM_FOR_CODE, level)] * any(map(is_cell, node.children))


def _pieces(solution):
    """A solution, parted at its cells, which are cells of the notebook, too."""
    text = solution.copy()
    for child in solution.children:
        if is_cell(child):
            yield from (text, child) if text.children else (child,)
            text = nodes.container()
        else:
            text += child.deepcopy()
    yield text


def _is_answers(node):
    """Whether a node is the box of a quiz with its answers."""
    return "quiz-answers" in node.get("html", {}).get("class", "")


def _without_answers(node):
    """What of a node can be handed out."""
    if any(map(_is_answers, node.findall(nodes.Element))):
        node = node.deepcopy()
        for answers in [part for part in node.findall(nodes.Element) if _is_answers(part)]:
            answers.parent.remove(answers)
    return node


def _tree(source):
    try:
        return ast.parse(source)
    except SyntaxError:  # it then fails, or shows just that
        return ast.Module([], [])


def _imported(sources):
    """Packages that code imports, without the standard library.

    >>> _imported(["import os, numpy.linalg", "from . import near", "from scipy.stats import norm"])
    ['numpy', 'scipy']
    """
    modules = []
    trees = [_tree(TransformerManager().transform_cell(source)) for source in sources]
    for node in ast.walk(ast.Module(trees, [])):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.append(node.module)
    return sorted({name.partition(".")[0] for name in modules} - sys.stdlib_module_names)


def _introduction(page, imported, solutions):
    """What the notebook is, what to install, and which files it reads."""
    config = page.app.config
    site = escape(config.project)
    whose = f"[a page of {site}]({page.address})" if page.address else f"a page of {site}"
    yield f"This notebook is {whose}, without its outputs: run it from top to bottom."
    if not solutions:
        yield "It has room for your answers; the solutions are on the page."
    if names := ", ".join(f"`{name}`" for name in imported):
        yield f"It needs Jupyter and {names}. To install them:"
    if page.calls_library(imported):
        library = page.library
        yield fenced(library.install_line(config.notebooks_extras), "sh")
        place = " or, if it is not there, from the site" if page.wheel_address else ""
        yield (
            f"If `{library.name}` is missing, the first cell installs it from the file"
            f" `{library.wheel.rpartition('/')[2]}` beside this notebook{place}."
        )
    else:
        yield fenced(" ".join(["pip install jupyterlab", *imported]), "sh")
    if names := ", ".join(f"`{name}`" for name in page.data):
        where = "and fetches it if it is not there" if page.address else "which the page offers"
        yield f"It reads {names} from the folder that it is in, {where}."


def _preparations(page, imported):
    """Cells that put the library, data files and the style of the figures in place."""
    if page.calls_library(imported):
        extras = page.app.config.notebooks_extras
        yield _code(page.library.install_cell(page.name, imported, extras, page.wheel_address))
    if page.address and (names := page.data):
        fetch = FETCH.format(names=names, address=repr(page.folder_address))
        yield _code(fetch, collapsed=True)
    style = page.path.parent / "matplotlibrc"
    if "matplotlib" in imported and style.is_file():
        lines = [line.partition(":") for line in style.read_text(encoding="utf-8").splitlines()]
        settings = {
            name.strip(): value.split(" #")[0].strip()
            for name, colon, value in lines
            if colon and not name.startswith("#") and not PAGE_STYLE.match(name)
        }
        items = "\n".join(f"    {name!r}: {value!r}," for name, value in settings.items())
        yield _code(STYLE.format(items=items), collapsed=True)


def _code(source, collapsed=False, tags=()):
    metadata = {"jupyter": {"source_hidden": True}} if collapsed else {}
    if tags:
        metadata["tags"] = list(tags)
    return new_code_cell(source.strip("\n"), metadata=metadata)


def _copy(cell, in_solution):
    tags = {tag.replace("_", "-") for tag in cell.metadata.get("tags", [])}
    collapsed = in_solution or not tags.isdisjoint({"hide-input", "hide-cell"})
    return _code(cell.source, collapsed, tags & {"raises-exception"})
