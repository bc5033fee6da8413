"""Build the site of the current folder strictly; publish it to ``_build/html`` if all is well."""

import errno
import gc
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.domains import Domain
from sphinx.errors import SphinxError
from sphinx.ext.autodoc.mock import mock
from sphinx.util.console import color_terminal, nocolor
from sphinx.util.docutils import docutils_namespace, patch_docutils

from sphinx_lectures.rebuilds.private import set_processes
from sphinx_lectures.rebuilds.publish import only_build, publish, recover

PRIVATE = (
    "myst_nb.core.execute",
    "sphinx.application.Sphinx.extensions",
    "sphinx.application.Sphinx.statuscode",
    "sphinx.ext.autodoc.mock.mock",
    "sphinx.util.docutils.docutils_namespace",
    "sphinx.util.docutils.patch_docutils",
)
LEAST = 2**16  #: bytes; a disk with less has stopped the build
#: With what MyST-NB would run pages; `execution` runs them. To import it takes a third of a second.
UNUSED = ["jupyter_cache"]
UNMET = "Measurements that came out differently on this machine than the pages say"


def main():
    build = Path("_build")
    site, staging = build / "html", build / "staging"
    try:
        build.mkdir(exist_ok=True)
        with only_build(build):
            recover(site)
            shutil.rmtree(staging, ignore_errors=True)
            app = run_sphinx(staging, build / "doctrees")
            if not app:
                kept = "is untouched" if site.exists() else "does not exist yet"
                full = full_disk(build)
                why = f": the disk of {full} is full" if full else ""
                print(f"The build failed{why}. {site} {kept}.", file=sys.stderr)
                return 2
            # Only a build into the same folder would use it, and it names this folder, hashed.
            for info in staging.glob(".buildinfo*"):
                info.unlink()
            publish(staging, site)
            summarize(app, build / "findings.txt")
    except OSError as error:
        print(f"Cannot write to {build.resolve()}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def run_sphinx(site, doctrees):
    """Write all pages; the application if there was no warning. What was wrong is said."""
    gc.disable()  # the process is a short one, and searching its many nodes for rubbish takes long
    if not color_terminal():
        nocolor()
    try:
        with patch_docutils(), docutils_namespace():
            with mock(UNUSED):
                import myst_nb.core.execute  # noqa: F401
            app = Sphinx(
                srcdir=".",
                confdir=".",
                outdir=site,
                doctreedir=doctrees,
                buildername="html",
                status=None,
                warningiserror=True,
                parallel=os.cpu_count() or 1,
            )
            if names := not_for_several_processes(app):
                print(f"One process reads and writes all pages, because of {', '.join(names)}.")
                set_processes(app, 1)
            app.build()
            return None if app.statuscode else app
    except KeyboardInterrupt:
        print("\nInterrupted!", file=sys.stderr)
    except Exception as error:
        if isinstance(error, SphinxError) and not error.__cause__:
            print(f"{error.category}: {error}", file=sys.stderr)
        elif not is_for_want_of_room(error):
            traceback.print_exc()
    return None


def not_for_several_processes(app):
    """Names of extensions that are not said to be safe in parallel, or do not merge what they read.

    Of the former Sphinx would warn, which fails the build; with the latter it would fail itself.
    """
    unsafe = [
        name
        for name, extension in app.extensions.items()
        if not (extension.parallel_read_safe and extension.parallel_write_safe)
    ]
    domains = {type(domain) for domain in app.env.domains.sorted()}
    unmerged = [d.__module__ for d in domains if d.merge_domaindata is Domain.merge_domaindata]
    return sorted({*unsafe, *unmerged})


def summarize(app, path):
    """List the findings that do not hold, with page and line, in a file; none if there are none."""
    unmet = sorted(getattr(app.env, "lectures_unmet", {}).items())
    lines = [
        f"{os.path.relpath(app.env.doc2path(name))}:{line}: {words}\n"
        for name, findings in unmet
        for line, words in findings
    ]
    path.unlink(missing_ok=True)
    if lines:
        path.write_text("".join([f"{UNMET}:\n", *lines]), encoding="utf-8")
        print(f"{UNMET} are listed in {path}.", flush=True)


def is_for_want_of_room(error):
    """Whether an exception, or one that led to it, says that a disk or a quota is full."""
    while error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def full_disk(build):
    """A folder whose disk is full, of those to which a build writes; None if there is none."""
    folders = build.resolve(), Path(tempfile.gettempdir())
    return next((one for one in folders if shutil.disk_usage(one).free < LEAST), None)


if __name__ == "__main__":
    sys.exit(main())
