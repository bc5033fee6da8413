"""A failing page stays failed: what drew a warning is read again at every build until it is mended.

Sphinx forgets a warning once the page that drew it has been read, so a second strict build would
pass. This extension writes down the pages that drew warnings and has them read again. A warning
with no page, or a build that was cut off, has every page read again (outputs of cells are kept).
What is wrong in a table of contents is said once, not by each page that shows it.
"""

import json
import logging
from pathlib import Path

from docutils import nodes

from sphinx_lectures.execution.private import is_suppressed, location_of, sphinx_logger

EVERYTHING = "*"


class _Warned(logging.Handler):
    """Collects the names of the pages that draw warnings."""

    def __init__(self, env):
        super().__init__(logging.WARNING)
        self.env, self.docnames = env, set()

    def emit(self, record):
        if is_suppressed(record, self.env.config.suppress_warnings):
            return
        location = getattr(record, "location", None)
        if isinstance(location, nodes.Node):
            location = location_of(location)
        path = str(location).rsplit(":", 1)[0] if location else ""
        docname = self.env.path2doc(path) if path else None
        self.docnames.add(docname if docname in self.env.found_docs else EVERYTHING)


class _Once(logging.Filter):
    """Lets the same words about the same place pass once."""

    def __init__(self):
        super().__init__()
        self.said = set()

    def filter(self, record):
        warning = str(getattr(record, "location", "")), record.getMessage()
        repeated = record.levelno >= logging.WARNING and warning in self.said
        self.said.add(warning)
        return not repeated


def _record(app):
    return Path(app.doctreedir) / "failed_pages.json"


def _start(app):
    app.lectures_warned = _Warned(app.env)
    logger = sphinx_logger()
    for handler in logger.handlers:
        handler.addFilter(_Once())
    logger.addHandler(app.lectures_warned)


def _read_again(app, env, added, changed, removed):
    record = _record(app)
    failed = json.loads(record.read_text()) if record.is_file() else []
    # Until the build ends, assume the worst: it may be cut off at any moment.
    record.write_text(json.dumps([EVERYTHING]))
    return list(env.found_docs) if EVERYTHING in failed else failed


def _finish(app, exception):
    warned = app.lectures_warned
    sphinx_logger().removeHandler(warned)
    if exception is None:
        _record(app).write_text(json.dumps(sorted(warned.docnames)))


def connect(app):
    app.connect("builder-inited", _start)
    app.connect("env-get-outdated", _read_again)
    app.connect("build-finished", _finish, priority=900)
