"""A failing page stays failed: what drew a warning is read again at every build until it is mended.

Sphinx forgets a warning once the page that drew it has been read, so a second strict build would
pass. This extension writes down the pages that drew warnings and has them read again. A warning
with no page, or a build that was cut off, has every page read again (outputs of cells are kept).
What is wrong in a table of contents is said once, not by each page that shows it.
"""

import json
import logging
from pathlib import Path

from sphinx_lectures.execution.private import sphinx_logger
from sphinx_lectures.rebuilds.kept import load_json, write_whole

EVERYTHING = "*"


def _record(app):
    return Path(app.doctreedir) / "failed_pages.json"


def _start(app):
    """Note which pages draw warnings, and let the same words about the same place pass once."""
    app.lectures_warned, said = set(), set()

    def note(record):
        """It is the last to be asked, so it sees no warning that the settings suppress."""
        if record.levelno < logging.WARNING:
            return True
        place, words = str(getattr(record, "location", None) or ""), record.getMessage()
        docname = app.env.path2doc(place.rsplit(":", 1)[0]) if place else None
        app.lectures_warned.add(docname if docname in app.env.found_docs else EVERYTHING)
        is_new = (place, words) not in said
        said.add((place, words))
        return is_new

    for handler in sphinx_logger().handlers:
        handler.addFilter(note)


def _read_again(app, env, added, changed, removed):
    failed = load_json(_record(app))
    # Until the build ends, assume the worst: it may be cut off at any moment.
    write_whole(_record(app), json.dumps([EVERYTHING]))
    return list(env.found_docs) if EVERYTHING in failed else list(failed)


def _finish(app, exception):
    if exception is None:
        write_whole(_record(app), json.dumps(sorted(app.lectures_warned)))


def connect(app):
    app.connect("builder-inited", _start)
    app.connect("env-get-outdated", _read_again)
    app.connect("build-finished", _finish, priority=900)
