"""All pages of a built site as one: what it takes to print them as a book whose links work.

A page becomes a chapter. Ids get the name of their page, and links between pages lead within the
book; solutions are open. It is made for paper, so no script comes along.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from os.path import normpath
from urllib.parse import unquote

ARTICLE = re.compile(r'<article class="bd-article"[^>]*>(.*)</article>', re.DOTALL)
NAVIGATION = re.compile(r'<nav class="bd-links.*?</nav>', re.DOTALL)
HREF = re.compile(r'href="([^"#?]+\.html)"')
ID = re.compile(r'(\s(?:id|for|name|aria-labelledby|aria-describedby)=")([^"]+)"')
LOCAL = re.compile(r'((?:xlink:)?href="|url\(["\']?)#([^"\')]*)')
LINK = re.compile(r'(<a\b[^>]*\shref=")([^"]*)"')
FOLDED = re.compile(r'<details\b(?=[^>]*class="[^"]*(?:\bsolution\b|quiz-answers))')
SCRIPT = re.compile(r"<script\b.*?</script>|<link rel=\"(?!stylesheet)[^>]*>", re.DOTALL)
OWN = """\
<style>
  .chapter { break-before: page; }
  .book-title { padding-top: 6cm; text-align: center; }
  .book-title h1 { border: 0; }
  .book-contents ol { padding: 0; list-style: none; }
</style>
"""


def pages_of(site):
    """Names of the pages of a site, in the order of its contents, the first page first."""
    start = (site / "index.html").read_text(encoding="utf-8")
    navigation = NAVIGATION.search(start)
    found = HREF.findall(navigation[0]) if navigation else []
    return list(dict.fromkeys(["index.html", *map(normpath, found)]))


def bind(site, without=()):
    """One page in HTML with the pages of a built site, to stand beside its first one.

    `without` are patterns of pages to leave out, such as ``docs/api*``; links to them lead out.
    """
    names = [name for name in pages_of(site) if not any(fnmatch(name, one) for one in without)]
    chapters = {
        name: _chapter((site / name).read_text(encoding="utf-8"), name, names) for name in names
    }
    start = (site / "index.html").read_text(encoding="utf-8")
    head = SCRIPT.sub("", start[: start.index("</head>")])
    title = _title(chapters["index.html"])
    contents = "\n".join(
        f'<li><a href="#{_slug(name)}">{_title(chapter)}</a></li>'
        for name, chapter in chapters.items()
    )
    body = "\n".join(
        f'<div class="chapter" id="{_slug(name)}">{chapter}</div>'
        for name, chapter in chapters.items()
    )
    return (
        f'{head}{OWN}</head>\n<body><div class="bd-main"><div class="bd-content">'
        f'<article class="bd-article"><div class="book-title"><h1>{title}</h1></div>\n'
        f'<div class="chapter book-contents"><h2>Contents</h2>\n<ol>\n{contents}\n</ol></div>\n'
        f"{body}\n</article></div></div></body></html>\n"
    )


def _slug(name):
    return name.removesuffix(".html").replace("/", "-")


def _title(chapter):
    found = re.search(r"<h1>(.*?)(?:<a class=\"headerlink|</h1>)", chapter, re.DOTALL)
    return re.sub(r"<a\b[^>]*>|</a>", "", found[1]) if found else "Untitled"


def _chapter(html, name, names):
    """The article of a page, with ids and links as they must be in the book."""
    slug, folder = _slug(name), name.rpartition("/")[0]
    article = SCRIPT.sub("", ARTICLE.search(html)[1])

    def named(found):
        return f'{found[1]}{" ".join(f"{slug}--{part}" for part in found[2].split())}"'

    def led(found):
        path, _, anchor = found[2].partition("#")
        if re.match(r"[a-z]+:", path) or not path:
            return found[0]
        target = normpath(f"{folder}/{unquote(path)}") if folder else normpath(unquote(path))
        if target in names:
            place = f"{_slug(target)}--{anchor}" if anchor else _slug(target)
            return f'{found[1]}#{place}"'
        return f'{found[1]}{target}"'

    article = LINK.sub(led, article.replace('href="#"', f'href="#{slug}"'))
    own = re.compile(
        rf'((?:xlink:)?href="|url\(["\']?)#(?!{"|".join(map(_slug, names))})([^"\')]*)'
    )
    article = own.sub(rf"\1#{slug}--\2", article)
    return FOLDED.sub("<details open", ID.sub(named, article))
