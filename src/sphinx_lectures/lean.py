"""Light pages: one style sheet with what the site uses, and no script that a page does not use.

Once the pages are written, the rules that they can use are gathered from all their style sheets,
with fonts cut down to the characters in use, and the pages get this one file instead. Icons are
drawn into the pages, and scripts wait until the page stands.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from os.path import relpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

from sphinx_lectures import fonts, stylesheet
from sphinx_lectures.icons import Icons
from sphinx_lectures.stylesheet import Rule, Words

logger = logging.getLogger(__name__)

LINK = re.compile(r"[ \t]*<link\b[^>]*>\n?")
SCRIPT = re.compile(r"[ \t]*<script\b(?P<attributes>[^>]*)>(?P<text>.*?)</script>\n?", re.DOTALL)
ADDRESS = re.compile(r"""\b(?:href|src)=["']?([^"'\s>]+)""")
#: What of Bootstrap the script of `menus` does not do.
MORE_OF_BOOTSTRAP = r'\sdata-bs-(?!placement=|toggle="(?:tooltip|dropdown)")|pst-collapse-sidebar'
SEARCHES = r'id="search-results"|search_as_you_type = true'
#: What makes a page use a script, as an expression; a page with no such thing needs it not.
USERS = {
    "fontawesome.js": r"(?!)",  # nothing: sphinx_lectures.icons draws the icons
    "bootstrap.js": MORE_OF_BOOTSTRAP,
    "menus.js": rf"(?s)\A(?!.*(?:{MORE_OF_BOOTSTRAP}))",
    "searchtools.js": SEARCHES,
    "language_data.js": SEARCHES,
    "searchindex.js": SEARCHES,
    "clipboard.min.js": r"<pre\b",
    "copybutton.js": r"<pre\b",
}


class Page:
    """A built page: where it stands, its text, and the files of the site to which it refers."""

    def __init__(self, path, docname):
        self.path, self.docname = path, docname
        self.html = path.read_text(encoding="utf-8")

    def file(self, tag):
        """The file of the site to which a tag refers, if any."""
        address = ADDRESS.search(tag)
        url = urlsplit(address[1] if address else "")
        path = (self.path.parent / unquote(url.path)).resolve()
        return path if path.is_file() and not url.netloc else None

    def sheet(self, tag):
        """The style sheet of the site that a tag brings; those for some media only do not count."""
        if not re.search(r"""rel=["']?stylesheet""", tag) or " media=" in tag:
            return None
        return self.file(tag)

    def sheets(self):
        """The style sheets of the page, in their order."""
        return [sheet for tag in LINK.findall(self.html) if (sheet := self.sheet(tag))]

    def scripts(self):
        """What its scripts say, but for the words of the search index."""
        for script in SCRIPT.finditer(self.html):
            file = self.file(script["attributes"])
            if not file:
                yield script["text"]
            elif file.name != "searchindex.js":
                yield file.read_text(encoding="utf-8")

    def order_scripts(self):
        """Drop the scripts that the page does not use; let the others wait for the page."""
        html = self.html

        def used(file):
            return not file or re.search(USERS.get(file.name, ""), html)

        def order(script):
            file = self.file(script["attributes"])
            if not used(file):
                return ""
            if not file or re.search(r"\s(defer|async|type)\b", script["attributes"]):
                return script[0]
            if file.name == "documentation_options.js":  # scripts within the page build on it
                return f"<script>{file.read_text(encoding='utf-8').strip()}</script>\n"
            return script[0].replace("<script", '<script defer="defer"', 1)

        def preload(link):
            early = 'rel="preload"' in link[0]
            return "" if early and not used(self.file(link[0])) else link[0]

        self.html = LINK.sub(preload, SCRIPT.sub(order, html))

    def link(self, sheet, digest):
        """Put one style sheet in the place of all."""
        address = Path(relpath(sheet, self.path.parent)).as_posix()
        links = iter([f'<link rel="stylesheet" href="{address}?v={digest}" />\n'])
        self.html = LINK.sub(
            lambda tag: next(links, "") if self.sheet(tag[0]) else tag[0], self.html
        )


def draw_icons(pages):
    """Draw the icons that the theme's script would draw; return the style sheet that they need."""
    css = ""
    for page in pages:
        scripts = [page.file(found["attributes"]) for found in SCRIPT.finditer(page.html)]
        for script in filter(None, scripts):
            if script.name == "fontawesome.js":
                icons = _icons(script)
                page.html, missing = icons.draw(page.html)
                css = icons.css
                for icon in dict.fromkeys(missing):
                    _warn("the theme has no icon %r", icon, location=page.docname)
    return css


@lru_cache
def _icons(script):
    return Icons(script.read_text(encoding="utf-8"))


def lean_sheet(css, pages, folder):
    """One style sheet, to stand in `folder`, with what the pages use of the style sheets `css`.

    Parameters
    ----------
    css : str
        All style sheets, in the order in which they apply.
    pages : list of Page
        All pages of the site.
    folder : Path
        Where the new style sheet is to stand.

    Returns
    -------
    str
        The style sheet, fonts included.
    """
    htmls = [page.html for page in pages]
    words = Words(htmls, sorted({script for page in pages for script in page.scripts()}))
    rules = list(stylesheet.rules_in_use(stylesheet.parse(css), words))
    text = stylesheet.write(rule for rule in rules if rule.prelude != "@font-face")
    used, drawn = fonts.characters(htmls, text), set()
    users = "".join([text, *htmls]).replace("\\", "")

    def with_small_font(rule):
        if rule.prelude != "@font-face":
            return rule
        if fonts.family(rule.body) not in users:
            return None
        body, icons = fonts.cut(rule.body, folder, used)
        drawn.update(icons)
        return Rule(rule.prelude, body) if body else None

    rules = list(stylesheet.change(rules, with_small_font))
    for code in sorted(used.icons - drawn):
        _warn("no font of the theme has the icon U+%04X, which a style sheet names", code)
    licences = "".join(dict.fromkeys(stylesheet.LICENCE.findall(css)))
    return licences + stylesheet.write(rules)


def _warn(message, detail, location=None):
    logger.warning(message, detail, location=location, type="lectures", subtype="icon")


def _slim(app, exception):
    if exception or app.builder.format != "html" or not app.config.lectures_lean:
        return
    folder = Path(app.outdir)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.html"))
    names = [name for name in names if name.parts[0] != "_static"]
    pages = [Page(folder / name, name.with_suffix("").as_posix()) for name in names]
    pages = [page for page in pages if page.sheets()]
    icons = draw_icons(pages)
    for page in pages:
        page.order_scripts()
    # A page's own style sheets come after those that it shares with the others.
    lists = sorted((page.sheets() for page in pages), key=len)
    sheets = list(dict.fromkeys(sheet for files in lists for sheet in files))
    target = folder / "_static" / "lean.css"
    css = icons + "".join(stylesheet.read(sheet, target.parent) for sheet in sheets)
    css = lean_sheet(css, pages, target.parent)
    digest = sha256(css.encode()).hexdigest()[:8]
    target.write_text(css, encoding="utf-8", newline="\n")
    for page in pages:
        page.link(target, digest)
        page.path.write_text(page.html, encoding="utf-8", newline="\n")


def setup(app):
    # All pages are needed as they were written, since one may change the style sheet of all.
    app.setup_extension("sphinx_lectures.unchanged")
    app.setup_extension("sphinx_lectures.menus")
    app.add_config_value("lectures_lean", True, "html", types=[bool])
    app.connect("build-finished", _slim, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
