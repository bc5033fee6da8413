"""References are formatted once, not in every build and for every citation's tooltip anew.

For `sphinxcontrib.bibtex`. The style of references is the one that `bibtex_default_style` names.
"""

from __future__ import annotations

from pathlib import Path

from pybtex.plugin import find_plugin, register_plugin

from sphinx_lectures.rebuilds.incremental import installed
from sphinx_lectures.rebuilds.kept import Memo

GROUP = "pybtex.style.formatting"


def _begin(app):
    """Take the place of the default style with one that looks up what it has formatted before."""
    name = app.config.bibtex_default_style
    files = [Path(app.confdir, file) for file in app.config.bibtex_bibfiles]
    basis = [*installed(), *(file.read_text("utf-8") for file in files if file.is_file())]
    memo = Memo(Path(app.doctreedir, "references.pickle"), "\n".join(basis))
    app.lectures_references = memo

    class Kept(find_plugin(GROUP, name)):
        def format_entry(self, label, entry, bib_data=None):
            def make():
                return super(Kept, self).format_entry(label, entry, bib_data)

            return memo(make, name, label, entry.key)

    register_plugin(GROUP, f"{name}, kept", Kept, force=True)
    app.config.bibtex_default_style = f"{name}, kept"


def _keep(app, exception):
    if not exception:
        app.lectures_references.save()


def setup(app):
    app.setup_extension("sphinxcontrib.bibtex")
    app.connect("builder-inited", _begin, priority=400)
    app.connect("build-finished", _keep)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
