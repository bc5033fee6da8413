"""What the visible cells of a page need of its hidden ones: imports, and little else.

Hidden cells check the page and prepare numbers for its text. A reader's copy leaves them out, but
for the statements that bind a name which a visible cell reads afterwards, directly, through another
such statement, or within a function that it calls.
"""

from __future__ import annotations

import ast
import dis
import types
from functools import lru_cache

LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BODIES = ("body", "orelse", "finalbody")


def needed(cells):
    """The statements of hidden cells without which the visible cells would not run.

    Parameters
    ----------
    cells : list of (str, bool)
        Python source of each cell in the order of the page, and whether the cell is visible.

    Returns
    -------
    list of str
        For each cell: nothing if it is visible, else the part of it that is needed.

    Examples
    --------
    >>> needed([("import math\\nimport sys", False), ("assert 1", False), ("math.pi", True)])
    ['import math', '', '']
    """
    trees = [statements(source) for source, _ in cells]
    called = _read_when_called(statement for tree in trees for statement in tree)
    live, parts = set(), []
    for (source, visible), tree in zip(reversed(cells), reversed(trees), strict=True):
        kept = []
        for statement in reversed(tree):
            if visible or live & _names(statement).bound:
                live -= _surely_bound(statement)
                live |= _closure(_read_first(statement), called)
                kept.insert(0, statement)
        parts.insert(0, "" if visible else _cut(source, kept))
    return parts


@lru_cache(maxsize=1024)
def statements(source):
    """The statements of a cell; none if it is not Python: it then fails, or shows just that."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


class _Names(types.SimpleNamespace):
    """Names that code reads at once, binds, and reads when a function in it is called."""


@lru_cache(maxsize=4096)
def _names(statement):
    # The compiler knows best which names are global. In a loop it lets `break` stand by itself.
    if not isinstance(statement, ast.ImportFrom):  # one from __future__ may not stand in a loop
        statement = ast.While(ast.Constant(True), [statement], [], lineno=1, col_offset=0)
    module = ast.fix_missing_locations(ast.Module([statement], []))
    return _names_of(compile(module, "<cell>", "exec"))


def _names_of(code, outermost=True):
    names = _Names(read=set(), bound=set(), later=set())
    for instruction in dis.get_instructions(code):
        if instruction.opname in LOADS:
            names.read.add(instruction.argval)
        elif instruction.opname == "STORE_GLOBAL" or (
            outermost and instruction.opname == "STORE_NAME"
        ):
            names.bound.add(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            within = _names_of(inner, outermost=False)
            at_once = names.read if inner.co_name in COMPREHENSIONS else names.later
            at_once |= within.read
            names.later |= within.later
            names.bound |= within.bound
    return names


def _read_when_called(statements):
    """For each name: what functions that it stands for read."""
    called = {}
    for statement in statements:
        names = _names(statement)
        for name in names.bound:
            called.setdefault(name, set()).update(names.later)
    return called


def _closure(names, called):
    found, waiting = set(), list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += called.get(name, ())
    return found


def _read_first(statement):
    """Names that a statement reads before it binds them itself."""
    names = _names(statement)
    if isinstance(statement, DEFINITIONS):
        return names.read
    bodies = [getattr(statement, field) for field in BODIES if _is_body(statement, field)]
    bodies += [handler.body for handler in getattr(statement, "handlers", [])]
    if not bodies:
        return names.read | names.later
    head = _names(_head(statement))
    found = head.read | head.later
    for body in bodies:
        bound = set(head.bound)
        for inner in body:
            found |= _read_first(inner) - bound
            bound |= _surely_bound(inner)
    return found


def _is_body(statement, field):
    return isinstance(getattr(statement, field, None), list)


def _head(statement):
    """A compound statement with nothing in it."""
    head = ast.parse(ast.unparse(statement)).body[0]
    for part in [head, *getattr(head, "handlers", [])]:
        for field in BODIES:
            if getattr(part, field, None):
                setattr(part, field, [ast.Pass()])
    return ast.fix_missing_locations(head)


def _surely_bound(statement):
    skippable = isinstance(statement, (ast.For, ast.While, ast.If, ast.Try, ast.Match))
    return set() if skippable else _names(statement).bound


def _cut(source, statements):
    """The lines of some statements, with a blank line where something was left out."""
    lines, parts, end = source.splitlines(), [], None
    for statement in statements:
        start = min(
            [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]
        )
        if end is not None and start > end + 1:
            parts.append("")
        parts += lines[max(start - 1, end or 0) : statement.end_lineno]
        end = statement.end_lineno
    return "\n".join(parts)
