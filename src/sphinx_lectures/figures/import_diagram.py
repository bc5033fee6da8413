"""``{house}``: the packages of a project as a picture, drawn from what their modules import.

A room is a module or a folder; an arrow leads from a room down to one that it imports. The names
of the packages, as folders seen from the settings, are the arguments.
"""

import ast
from html import escape
from pathlib import Path
from statistics import fmean

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

WIDTH, HEIGHT, ACROSS, DOWN, IN_A_ROW = 110, 20, 118, 44, 3
ROOM = (
    '<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="var(--pst-color-surface, '
    'Canvas)" stroke="currentColor"/><text x="{middle}" y="{line}" text-anchor="middle" '
    'font-size="12">{name}</text>'
)
ARROW = (
    '<path d="M{} {}L{} {}" fill="none" stroke="var(--pst-color-primary, currentColor)" '
    'stroke-opacity=".6" marker-end="url(#house-end)"/>'
)
MARKER = (
    '<marker id="house-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="var(--pst-color-primary, currentColor)"/></marker>'
)


def rooms(package):
    """The rooms of a package, a folder: for each the names of those that it imports."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if not room.startswith("_"):
            found.setdefault(room, set()).update(_imported(path, package))
    return {room: sorted(needed & found.keys() - {room}) for room, needed in found.items()}


def _imported(path, package):
    """Rooms of its package that a module imports as it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            top, _, rest = name.partition(".")
            if top == package.name:
                yield rest.partition(".")[0]


def rows(rooms):
    """The rooms in rows, each above all that it imports, and near it where there is a choice."""
    floors, left = [], dict(rooms)
    while left:
        floor = [room for room, needed in left.items() if not left.keys() & set(needed)] or [*left]
        places = {room: i for row in floors for i, room in enumerate(row)}
        floor.sort(key=lambda room: fmean([places.get(n, 0) for n in rooms[room]] or [0]))
        floors += [floor[i : i + IN_A_ROW] for i in range(0, len(floor), IN_A_ROW)]
        left = {room: needed for room, needed in left.items() if room not in floor}
    return floors[::-1]


def draw(packages, alt):
    """The picture of some packages, one below the other, as SVG."""
    parts, arrows, top = [], [], 0
    for package in packages:
        found, places = rooms(package), {}
        parts.append(f'<text x="0" y="{top + 14}" font-size="13">{escape(package.name)}</text>')
        floors = rows(found)
        for row, names in enumerate(floors):
            for column, name in enumerate(names):
                x, y = ACROSS * column + ACROSS * (IN_A_ROW - len(names)) / 2, top + 26 + DOWN * row
                places[name] = x + WIDTH / 2, y
                parts.append(ROOM.format(x=x, y=y, width=WIDTH, height=HEIGHT, middle=x + WIDTH / 2,
                                         line=y + 14, name=escape(name)))  # fmt: skip
        for room, needed in found.items():
            for other in needed:
                (x, y), (to_x, to_y) = places[room], places[other]
                arrows.append(ARROW.format(x, y + HEIGHT, to_x, to_y))
        top += 26 + DOWN * len(floors)
    size = f'viewBox="-2 0 {ACROSS * IN_A_ROW} {top}" width="{1.5 * ACROSS * IN_A_ROW:.0f}"'
    return (
        f'<svg class="figure-svg" role="img" aria-label="{escape(alt)}" {size} '
        f'height="{1.5 * top:.0f}" fill="currentColor">{MARKER}{"".join([*arrows, *parts])}</svg>'
    )


class House(SphinxDirective):
    """The picture, which is drawn anew when a module changes."""

    required_arguments, final_argument_whitespace = 1, True
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012

    def run(self):
        packages = [Path(self.env.app.confdir, name) for name in self.arguments[0].split()]
        for path in (path for package in packages for path in package.rglob("*.py")):
            self.env.note_dependency(str(path))
        return [nodes.raw("", draw(packages, self.options["alt"]), format="html")]


def connect(app):
    app.add_directive("house", House)
