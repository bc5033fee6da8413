"""Publish only whole: build into a staging folder, swap it in if all is well, one at a time."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from pathlib import Path

from myst_nb.sphinx_ext import add_global_html_resources


@contextmanager
def only_build(build):
    """Hold the build folder; a second build waits, and says so."""
    with (build / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build of this site is running: waiting for it to end.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def publish(staging, site):
    """Replace `site` by a copy of `staging`; a reader finds the old site or the new one."""
    new, old = site.with_name(f"{site.name}.new"), site.with_name(f"{site.name}.old")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(staging, new, ignore=shutil.ignore_patterns(".buildinfo*", ".doctrees"))
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    new.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def recover(site):
    """Put the last good site back if a build was cut off between the two renames of `publish`."""
    old = site.with_name(f"{site.name}.old")
    if old.exists() and not site.exists():
        old.rename(site)


def _drop_removed_pages(app, env, added, changed, removed):
    for docname in removed:
        Path(app.outdir, docname).with_suffix(".html").unlink(missing_ok=True)
    return []


def _copy_notebook_css(app):
    # MyST-NB copies it last, so that a first build would write links without its checksum.
    Path(app.outdir, "_static").mkdir(parents=True, exist_ok=True)
    add_global_html_resources(app, None)


def setup(app):
    app.connect("builder-inited", _copy_notebook_css)
    app.connect("env-get-outdated", _drop_removed_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
