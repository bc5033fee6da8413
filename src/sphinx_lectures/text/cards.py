"""Cards: what a reference names is shown beside it, when it is pointed at, focused or tapped.

A formula, figure, term or citation of the same page is taken from the page. What pages refer to on
other pages is written into one script, which the browser loads for the first card that needs it, so
that cards also work where the site is read from a folder.
"""

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes

from sphinx_lectures import add_files, page_title

FILE = "_cards.js"  #: of the site
SCRIPT = Path(__file__).with_name("cards.js")
#: What is shown of a target, by what the target is.
TARGETS = [
    re.compile(r'<div class="equation" id="(?P<name>[^"]+)">\s*(<div.*?</div>)', re.S),
    re.compile(r'<figure\b[^>]*\bid="(?P<name>[^"]+)".*?<figcaption>(.*?)</figcaption>', re.S),
    re.compile(r'<dt id="(?P<name>term-[^"]+)">(?=.*?<dd>(.*?)</dd>)', re.S),
    re.compile(r'<div class="citation" id="(?P<name>[^"]+)".*?(<p>.*?</p>)', re.S),
]
REFERENCE = re.compile(r'<a class="reference internal" href="([^"#]+#[^"]+)"')
HEADERLINK = re.compile(r'<a class="headerlink".*?</a>', re.S)


def targets(html):
    """What may be shown of the targets on a page, by their names."""
    found = (match for pattern in TARGETS for match in pattern.finditer(html))
    return {match["name"]: HEADERLINK.sub("", match[2]).strip() for match in found}


def references(html, address):
    """Addresses within the site to which a page at an address refers on other pages."""
    return {urljoin(address, unescape(href)) for href in REFERENCE.findall(html)}


def cards(pages):
    """The cards of a site, given the address, title and HTML of each page.

    For the address of each page to whose targets others refer: its title, and what to show of these
    targets by their names.
    """
    wanted = set().union(*(references(html, address) for address, _, html in pages))
    found = {}
    for address, title, html in pages:
        here = {n: text for n, text in targets(html).items() if f"{address}#{n}" in wanted}
        if here:
            found[address] = [title, dict(sorted(here.items()))]
    return found


def _write(app, exception):
    if exception or app.builder.name not in ("html", "dirhtml"):
        return
    builder = app.builder
    pages = [
        (
            builder.get_target_uri(name),
            page_title(app, name),
            Path(builder.get_outfilename(name)).read_text(encoding="utf-8"),
        )
        for name in sorted(app.env.found_docs)
    ]
    said = json.dumps(cards(pages), ensure_ascii=False, separators=(",", ":"))
    Path(app.outdir, FILE).write_text(f"showCards({said});\n", encoding="utf-8", newline="\n")


def connect(app):
    add_files(app, SCRIPT, nodes.reference)
    app.connect("build-finished", _write, priority=770)  # on pages as they were written
