"""The theme's icons as SVG within the page, where its script would draw them: no script, no wait.

Icons and their style come out of the theme's own copy of Font Awesome's script, so that they are
what the script would have drawn, and change with the theme.
"""

import json
import re
from functools import cached_property

ICON = re.compile(
    r"""["{,]([\w-]+)"?:\[(\d+),(\d+),\[([^\]]*)\],"[0-9a-f]+","([^"]*)"\]|\("(fa[a-z])",\w+\)"""
)
STYLE = re.compile(r'"(?:\\.|[^"\\])*\.svg-inline--fa(?:\\.|[^"\\])*"')
ELEMENT = re.compile(
    r"""<(i|span)\b((?:[^>]*?\s)?)class="([^"]*\bfa[a-z-][^"]*)"([^>]*)>\s*</\1>"""
)
PACKS = {"fa-solid": "fas", "fa-regular": "far", "fa-brands": "fab", "fa": "fas"}
PACKS |= {pack: pack for pack in ("fas", "far", "fab")}


class Icons:
    """The icons in a copy of Font Awesome's script, given as text."""

    def __init__(self, script):
        self.script = script

    @cached_property
    def drawings(self):
        """(width, height, path) by (pack, name)."""
        drawings, pack = {}, {}
        for name, width, height, others, path, called in ICON.findall(self.script):
            if called:  # a pack is handed over by its name after its icons
                drawings |= {(called, icon): drawing for icon, drawing in pack.items()}
                pack = {}
            else:
                for icon in (name, *re.findall(r'"([\w-]+)"', others)):
                    pack.setdefault(icon, (width, height, path))
        return drawings

    @cached_property
    def css(self):
        """The style sheet that the script adds to a page."""
        found = STYLE.search(self.script)
        return json.loads(found[0]) if found else ""

    def draw(self, html):
        """The page with its icons drawn, and the names of those that the script does not have."""
        missing = []

        def svg(element):
            before, classes, after = element[2], element[3].split(), element[4]
            pack = next((PACKS[name] for name in classes if name in PACKS), None)
            names = [name[3:] for name in classes if name.startswith("fa-") and name not in PACKS]
            if not pack or not names:
                return element[0]
            icon = next((name for name in names if (pack, name) in self.drawings), None)
            if icon is None:
                missing.append(" ".join(classes))
                return element[0]
            width, height, path = self.drawings[pack, icon]
            others = " ".join(["svg-inline--fa", *(c for c in classes if c not in PACKS)])
            hidden = "" if "aria-" in before + after else ' aria-hidden="true"'
            return (
                f'<svg {before}class="{others}"{after}{hidden} viewBox="0 0 {width} {height}">'
                f'<path fill="currentColor" d="{path}"></path></svg>'
            )

        return ELEMENT.sub(svg, html), missing
