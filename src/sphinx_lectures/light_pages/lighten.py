"""The one style sheet of all pages, and scripts without comments, once the pages are written.

The rules that pages can use are gathered from all their style sheets, with fonts cut down to the
characters in use.
"""

import re
from functools import partial
from hashlib import sha256
from os.path import relpath
from pathlib import Path

from rjsmin import jsmin

from sphinx_lectures.light_pages import fonts, stylesheet
from sphinx_lectures.light_pages.page import DIGEST, Page, draft, read_text
from sphinx_lectures.light_pages.stylesheet import Rule, Words
from sphinx_lectures.rebuilds.incremental import makers_of_pages
from sphinx_lectures.rebuilds.kept import Memo
from sphinx_lectures.rebuilds.private import had_warnings

SHEET = Path("_static", "site.css")
NO_SCRIPT = SHEET.with_name("no_script.css")  #: both themes, where no script chooses one
LINK = '<noscript><link rel="stylesheet" href="{}?v={}" /></noscript>\n'
TEMPLATE = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)


def small_sheet(css, words, characters, named, scripts, folder):
    """One style sheet, to stand in `folder`, with what pages use of the style sheets `css`.

    `words` and `characters` are those of all pages, `named` the fonts that elements name, `scripts`
    what the scripts say. Fonts are included.
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
        if icons and icons <= drawn:  # the same icons, in another weight
            return None
        drawn.update(icons)
        return Rule(rule.prelude, body) if body else None

    rules = list(stylesheet.change(rules, with_small_font))
    licences = "".join(dict.fromkeys(stylesheet.LICENCE.findall(css)))
    return licences + stylesheet.write(rules)


def _slim(app, exception):
    if exception or app.builder.format != "html" or not app.config.lectures_light_pages:
        return
    folder = Path(app.outdir).resolve()
    read_text.cache_clear()
    settings = read_text(folder / "_static" / "documentation_options.js")
    memo = Memo(Path(app.doctreedir, "light_pages.pickle"), makers_of_pages(app) + settings)
    drafts = {}
    for name in sorted(path.relative_to(folder) for path in folder.rglob("*.html")):
        page = Page(folder / name, name.with_suffix("").as_posix())
        make = partial(draft, page, folder, folder / SHEET)
        if name.parts[0] != SHEET.parts[0] and (made := memo(make, page.docname, page.html)):
            drafts[name] = made
    if not drafts:  # no page has a style
        return
    css = _sheet(memo, list(drafts.values()), folder)
    (folder / SHEET).write_text(css, encoding="utf-8", newline="\n")
    themes = memo(lambda: stylesheet.write(stylesheet.by_system(stylesheet.parse(css))), css)
    (folder / NO_SCRIPT).write_text(themes, encoding="utf-8", newline="\n")
    digest = sha256(css.encode()).hexdigest()[:8]
    for name, page in drafts.items():
        html = page.html.replace(DIGEST, f"?v={digest}", 1)
        link = LINK.format(Path(relpath(NO_SCRIPT, name.parent)).as_posix(), digest)
        html = html.replace("</head>", f"{link}</head>", 1)
        (folder / name).write_text(html, encoding="utf-8", newline="\n")
    _shorten_scripts(folder / SHEET.parts[0])
    if not had_warnings(app):
        memo.save()


def _shorten_scripts(folder):
    """Leave out comments, but for notices of licences (``/*!``), and blanks.

    A template within a template stays as it is: its blanks would be taken for those of code.
    """
    for path in folder.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        if all(template.count("{") == template.count("}") for template in TEMPLATE.findall(text)):
            text = jsmin(text, keep_bang_comments=True)
            path.write_text(text, encoding="utf-8", newline="\n")


def _sheet(memo, drafts, folder):
    """The one style sheet of all pages."""
    # A page's own style sheets come after those that it shares with the others.
    lists = sorted((page.sheets for page in drafts), key=len)
    sheets = list(dict.fromkeys(sheet for files in lists for sheet in files))
    place = (folder / SHEET).parent
    css = max((page.icons for page in drafts), default="")
    files = sorted(set(place.rglob("*.css")) - {folder / SHEET, folder / NO_SCRIPT})
    css += memo(
        lambda: "".join(stylesheet.read(folder / sheet, place) for sheet in sheets),
        *map(str, [*sheets, *(file.relative_to(place) for file in files)]),
        *map(read_text, files),
    )
    words = sorted(set().union(*(page.words for page in drafts)))
    characters = fonts.union([page.characters for page in drafts])
    named = " ".join(sorted({page.fonts for page in drafts}))
    scripts = sorted({script for page in drafts for script in page.scripts})
    made_from = [css, *words, *map(repr, map(sorted, characters)), named, *scripts]
    return memo(lambda: small_sheet(css, words, characters, named, scripts, place), *made_from)


def connect(app):
    app.add_config_value("lectures_light_pages", True, "html", types=[bool])
    app.connect("build-finished", _slim, priority=800)
