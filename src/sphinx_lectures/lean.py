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
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

from sphinx_lectures import fonts, stylesheet
from sphinx_lectures.icons import Icons
from sphinx_lectures.memo import Memo
from sphinx_lectures.stylesheet import Rule, Words
from sphinx_lectures.unchanged import makers_of_pages

logger = logging.getLogger(__name__)

LINK = re.compile(r"[ \t]*<link\b[^>]*>\n?")
SCRIPT = re.compile(r"[ \t]*<script\b(?P<attributes>[^>]*)>(?P<text>.*?)</script>\n?", re.DOTALL)
ADDRESS = re.compile(r"""\b(?:href|src)=["']?([^"'\s>]+)""")
FONT = re.compile(r"font-family:[^;}]*")
SHEET = Path("_static", "lean.css")
DIGEST = "?v=digest-of-the-style-sheet"
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
                yield _text(file)

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
                return f"<script>{_text(file).strip()}</script>\n"
            return script[0].replace("<script", '<script defer="defer"', 1)

        def preload(link):
            early = 'rel="preload"' in link[0]
            return "" if early and not used(self.file(link[0])) else link[0]

        self.html = LINK.sub(preload, SCRIPT.sub(order, html))

    def draw_icons(self):
        """Draw the icons that the theme's script would draw; return the style that they need."""
        css = ""
        for found in SCRIPT.finditer(self.html):
            script = self.file(found["attributes"])
            if script and script.name == "fontawesome.js":
                icons = _icons(script)
                self.html, missing = icons.draw(self.html)
                css = icons.css
                for icon in dict.fromkeys(missing):
                    _warn("the theme has no icon %r", icon, location=self.docname)
        return css

    def link(self, sheet):
        """Put one style sheet in the place of all."""
        address = Path(relpath(sheet, self.path.parent)).as_posix()
        links = iter([f'<link rel="stylesheet" href="{address}{DIGEST}" />\n'])
        self.html = LINK.sub(
            lambda tag: next(links, "") if self.sheet(tag[0]) else tag[0], self.html
        )


class Draft(NamedTuple):
    """A light page, but for the style sheet, and what the style sheet must have for it."""

    html: str
    icons: str  #: style of the icons
    sheets: tuple  #: paths of the style sheets of the theme and of extensions
    words: frozenset
    characters: fonts.Characters
    fonts: str  #: that elements of the page name
    scripts: tuple  #: what they say


def draft(page, folder):
    """The draft of a page of the site in `folder`; none if the page has no style."""
    sheets, icons = page.sheets(), page.draw_icons()
    if not sheets:
        return None
    page.order_scripts()
    page.link(folder / SHEET)
    html = page.html
    return Draft(
        html,
        icons,
        tuple(sheet.relative_to(folder) for sheet in sheets),
        stylesheet.words_of(html),
        fonts.characters_of(html),
        " ".join(sorted(set(FONT.findall(html)))),
        tuple(page.scripts()),
    )


@lru_cache
def _icons(script):
    return Icons(_text(script))


@lru_cache
def _text(file):
    return file.read_text(encoding="utf-8")


def lean_sheet(css, words, characters, named, scripts, folder):
    """One style sheet, to stand in `folder`, with what the pages use of the style sheets `css`.

    Parameters
    ----------
    css : str
        All style sheets, in the order in which they apply.
    words : list of str
        Of all pages, as `stylesheet.words_of` gives them.
    characters : fonts.Characters
        Of all pages.
    named : str
        Fonts that elements of the pages name.
    scripts : list of str
        What the scripts of the pages say.
    folder : Path
        Where the new style sheet is to stand.

    Returns
    -------
    str
        The style sheet, fonts included.
    """
    rules = list(stylesheet.rules_in_use(stylesheet.parse(css), Words([words], scripts)))
    text = stylesheet.write(rule for rule in rules if rule.prelude != "@font-face")
    used, drawn = characters._replace(icons=fonts.icons_of(text)), set()
    users = (text + named).replace("\\", "")

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
    folder = Path(app.outdir).resolve()
    settings = _text(folder / "_static" / "documentation_options.js")
    memo = Memo(Path(app.doctreedir, "lean.pickle"), makers_of_pages(app) + settings)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.html"))
    drafts = {}
    for name in names:
        if name.parts[0] != SHEET.parts[0]:
            page = Page(folder / name, name.with_suffix("").as_posix())
            drafts[name] = memo(lambda page=page: draft(page, folder), page.docname, page.html)
    drafts = {name: page for name, page in drafts.items() if page}
    css = _sheet(memo, list(drafts.values()), folder)
    (folder / SHEET).write_text(css, encoding="utf-8", newline="\n")
    digest = sha256(css.encode()).hexdigest()[:8]
    for name, page in drafts.items():
        html = page.html.replace(DIGEST, f"?v={digest}", 1)
        (folder / name).write_text(html, encoding="utf-8", newline="\n")
    if not app._warncount:
        memo.save()


def _sheet(memo, drafts, folder):
    """The one style sheet of all pages."""
    # A page's own style sheets come after those that it shares with the others.
    lists = sorted((page.sheets for page in drafts), key=len)
    sheets = list(dict.fromkeys(sheet for files in lists for sheet in files))
    place = (folder / SHEET).parent
    css = max((page.icons for page in drafts), default="")
    css += "".join(stylesheet.read(folder / sheet, place) for sheet in sheets)
    words = sorted(set().union(*(page.words for page in drafts)))
    characters = fonts.together([page.characters for page in drafts])
    named = " ".join(sorted({page.fonts for page in drafts}))
    scripts = sorted({script for page in drafts for script in page.scripts})
    made_from = [css, *words, *map(repr, map(sorted, characters)), named, *scripts]
    return memo(lambda: lean_sheet(css, words, characters, named, scripts, place), *made_from)


def setup(app):
    # All pages are needed as they were written, since one may change the style sheet of all.
    app.setup_extension("sphinx_lectures.unchanged")
    app.setup_extension("sphinx_lectures.menus")
    app.add_config_value("lectures_lean", True, "html", types=[bool])
    app.connect("build-finished", _slim, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
