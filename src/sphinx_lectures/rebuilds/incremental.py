"""Pages in which nothing has changed are taken over from the last good build, not written again.

A page is written again when the hash of all that goes into it is another: what Sphinx has read of
it and the files that it depends on. All are written when something changes that one page may show
of another (a title, a number, the target of a reference), or in what makes pages of what was read:
settings, templates, static files, this package, the versions that are installed. So an edited site
is, byte for byte, the one that a clean build makes.

The pages are kept as they are before later steps of the build work on them, with the doctrees. If
this package or an installed version changes, all pages are read again, too.
"""

import json
import re
import shutil
import sys
from functools import cache
from hashlib import sha256
from operator import itemgetter
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote

from docutils import nodes
from sphinx.builders.html import StandaloneHTMLBuilder

from sphinx_lectures.rebuilds import private
from sphinx_lectures.rebuilds.kept import hash_of, installed, load_json

FOLDER = ".written"  #: of the doctrees, with a folder for each builder
RECORD = ".record.json"  #: in it: what the pages were written from
FEW = 3
POSITIONS = {"line", "lineno"}  #: where in its file something stands shows on no page
LINK = re.compile(r"""\b(?:href|src)=["']?(?![\w+.-]+:)([^"'\s>?#]+)""")  # no https:, no data:


def _kept(app):
    """The folder of the pages that are kept, and what they were written from."""
    folder = Path(app.doctreedir, FOLDER, app.builder.name)
    return folder, load_json(folder / RECORD)


def _begin(app):
    """Begin with the pages of the last good build."""
    kept, record = _kept(app)
    if record:
        record_only = shutil.ignore_patterns(RECORD)
        shutil.copytree(kept, app.outdir, ignore=record_only, dirs_exist_ok=True)


def _read_again(app, env, added, changed, removed):
    """Pages whose files have other contents, whatever their times; all, if what reads them has."""
    (_, record), content = _kept(app), cache(_content)
    if record.get("readers") != _readers(content):
        return list(env.found_docs)
    read = record["read"]
    return [name for name, now in _sources(env, content).items() if read.get(name) != now]


def _set_workers(app, pages):
    """A few pages are read and written sooner by one process than by several.

    So are those of a site with an address, since a sitemap lists pages as they are written.
    """
    alone = len(pages) <= FEW or app.config.html_baseurl
    private.set_processes(app, 1 if alone else app.lectures_parallel)


def _before_reading(app, env, docnames):
    app.lectures_parallel = app.parallel
    _set_workers(app, docnames)


def _changed(app, env):
    """Names of the pages that must be written."""
    if not isinstance(app.builder, StandaloneHTMLBuilder):
        return []
    content = cache(_content)
    read = _sources(env, content)
    trees = {name: content(Path(env.doctreedir, f"{name}.doctree")) for name in read}
    known = _plain(private.of_all_pages(env))
    app.lectures_record = now = {
        "readers": _readers(content),
        "read": read,
        "shared": hash_of([makers_of_pages(app, content), list(read), known]),
        "pages": {name: [trees[name], read[name]] for name in read},
    }
    kept, before = _kept(app)
    # What lists all pages of a site with an address, or draws a card for each, must see each.
    if before.get("shared") == now["shared"] and not app.config.html_baseurl:
        changed = [name for name, own in now["pages"].items() if before["pages"][name] != own]
    else:
        changed = list(env.found_docs)
        for path in kept.rglob("*"):
            if path.is_file():
                Path(app.outdir, path.relative_to(kept)).unlink(missing_ok=True)
    _set_workers(app, changed)
    app.lectures_new = changed
    return changed


def _content(path):
    """The hash of a file; empty if there is none."""
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _sources(env, content):
    """Hashes of what is read for each page: its file, and those that it includes."""
    hashes = {}
    for name in sorted(env.found_docs):
        needed = sorted(Path(env.srcdir, file) for file in env.dependencies.get(name, ()))
        hashes[name] = hash_of([content(path) for path in (Path(env.doc2path(name)), *needed)])
    return hashes


def makers_of_pages(app, content=_content):
    """Hash of what makes pages of what was read: templates, static files, and what reads pages."""
    names = [*app.config.templates_path, *app.config.html_static_path]
    folders = [_contents(Path(app.confdir, name), content) for name in names]
    return hash_of([_readers(content), *folders])


def _readers(content):
    """Hash of what reads pages: this package, and the versions of all that is installed."""
    return hash_of([_contents(Path(__file__).parents[1], content), installed(), sys.version])


def _contents(top, content):
    """Hashes of a file, or of all files in a folder but for compiled ones."""
    paths = [path for path in [top, *sorted(top.rglob("*"))] if path.is_file()]
    return [content(path) for path in paths if path.suffix != ".pyc"]


def _plain(value):
    """A value of the environment as JSON, in an order that is the same in every build."""
    if isinstance(value, (str, int, float, type(None))):
        return value
    if isinstance(value, (nodes.Node, type, Path)):
        return str(value)
    if isinstance(value, dict):
        items = sorted(((str(key), item) for key, item in value.items()), key=itemgetter(0))
        return [[key, _plain(item)] for key, item in items]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if hasattr(value, "_asdict"):
        return [_plain(item) for key, item in value._asdict().items() if key not in POSITIONS]
    if isinstance(value, (list, tuple)):
        items = [_plain(item) for item in value]
        # What was gathered from many pages stands in the order in which these were read.
        gathered = value and all(hasattr(item, "docname") for item in value)
        return sorted(items, key=str) if gathered else items
    return [type(value).__name__, _plain(getattr(value, "__dict__", str(value)))]


def _no_others(app, builder):
    """The hashes know better than Sphinx which tables of contents are to be written."""
    private.forget_tables_of_contents(app.env)


def _complete_index(app):
    """Give the search index what the pages that are taken over hold."""
    if indexer := app.builder.indexer:
        before = _kept(app)[1].get("entries", {})
        app.lectures_record["entries"] = private.complete_index(indexer, before)
    return []


def _linked(folder, pages):
    """Names of files to which some pages in a folder link."""
    return {
        normpath(page.parent / unquote(link))
        for page in pages
        if (folder / page).is_file()
        for link in LINK.findall((folder / page).read_text(encoding="utf-8"))
    }


def _drop_files_no_longer_linked(app, kept):
    """Delete what pages have brought with them, such as a file to download, and now do not."""
    out, name_of = Path(app.outdir), app.builder.get_outfilename
    written = [Path(name_of(page)).relative_to(out) for page in app.lectures_new]
    gone = _linked(kept, written) - _linked(out, written)
    brought = {name for name in gone if _is_taken_over(name, kept, out)}
    if brought:
        pages = [path.relative_to(out) for path in out.rglob("*.html")]
        for name in brought - _linked(out, pages):
            (out / name).unlink()


def _is_taken_over(name, kept, out):
    """Whether a file, not a page, is from an earlier build: copies are as old as the original."""
    files = out / name, kept / name
    if name.endswith(".html") or not all(map(Path.is_file, files)):
        return False
    return len({file.stat().st_mtime_ns for file in files}) == 1


def _keep(app, exception):
    """Keep the pages for the next build, unless something was wrong."""
    if exception or private.had_warnings(app) or not hasattr(app, "lectures_record"):
        return
    kept, before = _kept(app)
    record = json.dumps(app.lectures_record)
    if json.loads(record) == before:
        return
    _drop_files_no_longer_linked(app, kept)

    def others(folder, names):  # Sphinx makes `_static` anew in every build
        out = Path(app.outdir)
        left_out = [Path(app.doctreedir), out / "_static", out / ".buildinfo.bak"]
        return [name for name in names if Path(folder, name) in left_out]

    part = kept.with_name(f"{kept.name}.part")
    for folder in (part, kept):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(app.outdir, part, ignore=others)
    (part / RECORD).write_text(record, encoding="utf-8")
    part.rename(kept)


def connect(app):
    app.connect("builder-inited", _begin)
    app.connect("env-get-outdated", _read_again)
    app.connect("env-before-read-docs", _before_reading)
    app.connect("env-get-updated", _changed, priority=900)  # once Sphinx has numbered everything
    app.connect("write-started", _no_others)
    app.connect("html-collect-pages", _complete_index)
    app.connect("build-finished", _keep, priority=700)
