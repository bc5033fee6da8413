"""A built page made light: its icons drawn in, and no script that it does not use.

What it needs of the style sheet that all pages share is noted: see `lighten`.
"""

import re
from functools import lru_cache
from os.path import relpath
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

from sphinx_lectures.light_pages import fonts, stylesheet
from sphinx_lectures.light_pages.icons import Icons

logger = logging.getLogger(__name__)
_icons = lru_cache(Icons)

LINK = re.compile(r"[ \t]*<link\b[^>]*>\n?")
SCRIPT = re.compile(r"[ \t]*<script\b(?P<attributes>[^>]*)>(?P<text>.*?)</script>\n?", re.DOTALL)
ADDRESS = re.compile(r"""\b(?:href|src)=["']?([^"'\s>]+)""")
FONT = re.compile(r"font-family:[^;}]*")
#: Stands for the digest of the style sheet in its address, until that is known.
DIGEST = "?v=digest-of-the-style-sheet"
#: What of Bootstrap menus.js does not do.
MORE_OF_BOOTSTRAP = r'\sdata-bs-(?!placement=|toggle="(?:tooltip|dropdown)")|pst-collapse-sidebar'
#: Where no script of the page builds on one that has to stand before it.
THEME = "pydata-sphinx-theme"
#: A table or a header that is shown half read moves once the rest is: first, read to the end.
READ_ALL = '<link rel="expect" href="#end-of-page" blocking="render" />\n'
END = '<div id="end-of-page" hidden></div>\n'
#: A browser reads a font, even one that stands in the style sheet, once it meets a letter in it,
#: and may show the page before it has done so. This has it wait for that, but never for long.
READ_FONTS = """<script>
{
  const { style } = document.documentElement;
  const show = () => style.removeProperty("visibility");
  style.visibility = "hidden";
  Promise.all([...document.fonts].map(font => font.load())).then(show, show);
  setTimeout(show, 1000);
}
</script>
"""
SEARCHES = r'id="search-results"|search_as_you_type = true'
#: What makes a page use a script, as an expression; a page with no such thing needs it not.
USERS = {
    "fontawesome.js": r"(?!)",  # nothing: sphinx_lectures.light_pages.icons draws the icons
    "bootstrap.js": MORE_OF_BOOTSTRAP,
    "menus.js": rf"(?s)\A(?!.*(?:{MORE_OF_BOOTSTRAP}))",
    "searchtools.js": SEARCHES,
    "language_data.js": SEARCHES,
    "searchindex.js": SEARCHES,
    "clipboard.min.js": r"(?!)",  # nothing: clipboard.js does what copy buttons need of it
    "clipboard.js": r"(?s)\A(?=.*<pre\b).*copybutton\.js",
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
        """The style sheets in the page's head, in their order; those in its text are its own."""
        head = self.html.partition("</head>")[0]
        return [sheet for tag in LINK.findall(head) if (sheet := self.sheet(tag))]

    def scripts(self):
        """What its scripts say, but for the words of the search index."""
        for script in SCRIPT.finditer(self.html):
            file = self.file(script["attributes"])
            if not file:
                yield script["text"]
            elif file.name != "searchindex.js":
                yield read_text(file)

    def order_scripts(self):
        """Drop the scripts that the page does not use; let the others wait, if they can."""
        html = self.html
        may_wait = THEME in html

        def used(file):
            return not file or re.search(USERS.get(file.name, ""), html)

        def order(script):
            file = self.file(script["attributes"])
            if not used(file):
                return ""
            if file and file.name == "documentation_options.js":  # scripts of the page build on it
                return f"<script>{read_text(file).strip()}</script>\n"
            waits = re.search(r"\s(defer|async|type)\b", script["attributes"])
            if not file or waits or not may_wait:
                return script[0]
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
                icons = _icons(read_text(script))
                self.html, missing = icons.draw(self.html)
                css = icons.css
                about = {"location": self.docname, "type": "lectures", "subtype": "icon"}
                for icon in dict.fromkeys(missing):
                    logger.warning("the theme has no icon %r", icon, **about)
        return css

    def link(self, sheet):
        """Put one style sheet in the place of all; page and fonts are read before they show."""
        address = Path(relpath(sheet, self.path.parent)).as_posix()
        link = f'<link rel="stylesheet" href="{address}{DIGEST}" />\n'
        links = iter([READ_ALL + link + READ_FONTS])
        head, *rest = self.html.partition("</head>")
        head = LINK.sub(lambda tag: next(links, "") if self.sheet(tag[0]) else tag[0], head)
        self.html = "".join([head, *rest]).replace("</body>", f"{END}</body>", 1)


class Draft(NamedTuple):
    """A light page, but for the style sheet, and what the style sheet must have for it."""

    html: str
    icons: str  #: style of the icons
    sheets: tuple  #: paths of the style sheets of the theme and of extensions
    words: frozenset
    characters: fonts.Characters
    fonts: str  #: that elements of the page name
    scripts: tuple  #: what they say


def draft(page, folder, sheet):
    """A page of the site in `folder`, with one `sheet` for its style; none if it has no style."""
    sheets, icons = page.sheets(), page.draw_icons()
    if not sheets:
        return None
    page.order_scripts()
    page.link(sheet)
    return Draft(
        page.html,
        icons,
        tuple(sheet.relative_to(folder) for sheet in sheets),
        stylesheet.words_of(page.html),
        fonts.characters_of(page.html),
        " ".join(sorted(set(FONT.findall(page.html)))),
        tuple(page.scripts()),
    )


@lru_cache
def read_text(file):
    """The text of a file that many pages share."""
    return file.read_text(encoding="utf-8")
