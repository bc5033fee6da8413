"""A search that finds the page: its title counts most, then those of sections, then what they say.

Each result names the section and shows one sentence of it, and leads there. Words of the same
meaning, other names of pages and the weight of pages come from a file of the site. All is in
scripts, which a page may also load where the site is read from a folder.
"""

import json
import tomllib
from pathlib import Path

from sphinx_lectures import SAFE, add_static_files
from sphinx_lectures.rebuilds.kept import Memo
from sphinx_lectures.rebuilds.private import had_warnings
from sphinx_lectures.search import index, pages

FOLDER = "_search"  #: of the site; each page has a file with its texts in it
INDEX = "searchindex.js"  #: where the theme looks for the one of Sphinx, in whose place it stands
SEARCHED = "sphinx_highlight.js"  #: marks what Sphinx's own search has found
KEYS = "doctools.js"  #: the keys of Sphinx, and indices that open
HERE = Path(__file__).parent


def _add_template(app, config):
    config.templates_path = [*config.templates_path, str(HERE)]


def _begin(app):
    if app.builder.name in ("html", "dirhtml"):
        app.builder.search = False  # Sphinx's own index, which nobody would read


def _add_page(app):
    return [("search", {}, "search_page.html")] if app.builder.name in ("html", "dirhtml") else []


def _load(app, pagename, templatename, context, doctree):
    if pagename == "search":
        app.add_css_file("search.css")
    config, idle = app.config, {f"_static/{SEARCHED}"}
    if not (config.html_domain_indices or config.html_theme_options.get("navigation_with_keys")):
        idle.add(f"_static/{KEYS}")
    scripts = context.get("script_files", [])  # of this page; other extensions add to the list
    scripts[:] = [script for script in scripts if getattr(script, "filename", script) not in idle]


def _write(app, exception):
    if exception or app.builder.name not in ("html", "dirhtml"):
        return
    config, folder = app.config, Path(app.outdir, FOLDER)
    labels = config.search_formulas
    known_file = Path(app.confdir, config.search_words) if config.search_words else None
    known = tomllib.loads(known_file.read_text("utf-8")) if known_file else {}
    sources = [path.read_text("utf-8") for path in sorted(HERE.glob("*.py"))]
    memo = Memo(Path(app.doctreedir, "search.pickle"), "".join(sources))
    found = []
    for name in sorted(app.env.found_docs):
        html = Path(app.builder.get_outfilename(name)).read_text(encoding="utf-8")
        if entries := memo(lambda html=html: _read(html, labels), html, labels):
            if name in config.search_without:
                entries = [entries[0], [{} for _ in entries[1]]]
            found.append((name, app.builder.get_target_uri(name), *entries))
            texts = [entry.sentences for entry in entries[0]]
            file = folder / f"{name}.js"
            file.parent.mkdir(parents=True, exist_ok=True)
            said = json.dumps([name, texts], ensure_ascii=False, separators=(",", ":"))
            file.write_text(f"Search.texts(...{said});\n", encoding="utf-8")
    made_from = [str(part) for page in found for part in page]
    text = memo(lambda: index.index_of(found, known), json.dumps(known), *made_from)
    script = f"if (typeof Search === 'object') Search.index?.({text});\n"
    Path(app.outdir, INDEX).write_text(script, encoding="utf-8")
    if not had_warnings(app):
        memo.save()


def _read(html, labels):
    """The entries of a page, and the words of each."""
    entries = pages.read_page(html, labels)
    return [entries, [index.counted(entry) for entry in entries]] if entries else []


def setup(app):
    app.add_config_value("search_formulas", pages.LABEL, "html", types=[str])
    app.add_config_value("search_words", "", "html", types=[str])
    app.add_config_value("search_without", [], "html", types=[list])
    add_static_files(app, HERE / "search.js", HERE / "search.css")
    app.connect("config-inited", _add_template)
    app.connect("builder-inited", _begin)
    app.connect("html-collect-pages", _add_page)
    app.connect("html-page-context", _load)
    app.connect("build-finished", _write, priority=770)  # on pages as they were written
    return SAFE
