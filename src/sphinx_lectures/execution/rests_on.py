"""Which files a page's results rest on, so that it is read and run again when one of them changes.

A page rests on the library files that its code cells reach through imports, on the data files that
it or they name, and on the files listed in `lectures_rests_on` (figure style, locked versions).
"""

from __future__ import annotations

import ast
import hashlib
import os
from functools import lru_cache
from pathlib import Path

from sphinx_lectures.execution.page import code_cells, is_notebook, loaded_file, read_notebook


def files_behind(notebook, page, config_dir, library, rests_on):
    """Every existing file that the results of a page rest on.

    Parameters
    ----------
    notebook : NotebookNode
        The page.
    page : Path
        Its file: names of data files are relative to its folder.
    config_dir : Path
        What the next two are relative to.
    library : str
        Folder in which imports are looked up.
    rests_on : list of str
        Files on which every page rests.

    Returns
    -------
    list of Path
        Sorted, without the page itself.
    """
    found = {path for name in rests_on if (path := config_dir / name).is_file()}
    return sorted((found | _reached(notebook, page, config_dir / library)) - {page})


def _reached(notebook, page, library):
    """Files that the cells of a page reach by import or by name."""
    found, waiting = set(), []
    for _, cell in code_cells(notebook):
        modules, strings = _names_in(cell.source)
        waiting += modules
        found |= _existing([*strings, loaded_file(cell)], page.parent)
    seen = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for path in _module_files(module, library):
            found.add(path)
            modules, strings = _names_in_file(path, path.stat().st_mtime_ns)
            waiting += _absolute(modules, path, library)
            found |= _existing(strings, path.parent)
    return found


def contents(files, config_dir):
    """Hashes of the contents of `files`, by their names as seen from `config_dir`."""
    return {
        str(path.relative_to(config_dir) if path.is_relative_to(config_dir) else path):
            hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }  # fmt: skip


def digest(hashes):
    """One hash for the names and contents of files."""
    lines = "".join(f"{name} {content}\n" for name, content in hashes.items())
    return hashlib.sha256(lines.encode()).hexdigest()


@lru_cache(maxsize=4096)
def _names_in(source):
    """Modules imported by `source` (relative ones keep their dots) and its string constants."""
    modules, strings = [], []
    try:
        tree = ast.parse(source)
    except SyntaxError:
        tree = _without_magics(source)
        strings += source.split()  # a command names files without quotes
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            joint = "" if base.endswith(".") or not base else "."
            modules += [base, *(base + joint + alias.name for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.append(node.value)
    return modules, strings


@lru_cache(maxsize=1024)
def _names_in_file(path, mtime):
    return _names_in(path.read_text(encoding="utf-8")) if path.suffix == ".py" else ([], [])


def _without_magics(source):
    """The Python in a cell that has other things in it, too."""
    from IPython.core.inputtransformer2 import TransformerManager  # slow, and seldom needed

    if source.lstrip().startswith("%%"):  # what `%%time` measures is a cell itself
        source = source.lstrip().partition("\n")[2]
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:  # the page itself will fail on it, with its line
        return ast.Module([], [])


def _module_files(module, library):
    """The file of a module in the library, and the ``__init__.py`` of each package above it."""
    parts = module.split(".")
    packages = [library.joinpath(*parts[:i], "__init__.py") for i in range(1, len(parts) + 1)]
    return [path for path in [*packages, library.joinpath(*parts).with_suffix(".py")]
            if path.is_file()]  # fmt: skip


def _absolute(modules, path, library):
    package = path.parent.relative_to(library).parts
    for module in modules:
        level = len(module) - len(module.lstrip("."))
        above = package[: len(package) - level + 1] if level else ()
        yield ".".join([*above, module[level:]]) if module[level:] else ".".join(above)


def _existing(strings, folder):
    """The files that `strings` name, relative to `folder`."""
    named = {s for s in strings if 0 < len(s) < 200 and "\n" not in s and "\0" not in s}
    # Most strings name no file: `os` is fast, and does not object to what cannot be a name.
    places = (os.path.join(folder, name) for name in named)
    return {Path(p) for p in places if os.path.isfile(p) and os.access(p, os.R_OK)}


def _note(app, docname, source):
    text = source[0]
    if is_notebook(text):
        page = Path(app.env.doc2path(docname))
        for path in files_of_page(app, read_notebook(text, page), page):
            app.env.note_dependency(str(path))


def files_of_page(app, notebook, page):
    """`files_behind` with the settings of `app`."""
    config = app.config
    return files_behind(
        notebook, page, Path(app.confdir), config.lectures_library, config.lectures_rests_on
    )


def connect(app):
    app.add_config_value("lectures_library", "src", "env", types=[str])
    app.add_config_value("lectures_rests_on", [], "env", types=[list])
    app.connect("source-read", _note)
