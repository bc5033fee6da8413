"""Publish only whole: build into a staging folder, swap it in if all is well, one at a time."""

import ctypes
import fcntl
import os
import shutil
import signal
from contextlib import contextmanager, suppress

HERE, EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


@contextmanager
def only_build(build):
    """Hold the build folder; a second build waits, and says so."""
    with (build / "lock").open("w") as lock:
        os.register_at_fork(after_in_child=_end_with_the_build)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build of this site is running: waiting for it to end.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _end_with_the_build():
    """Have a process that Sphinx has forked die with the one that holds the folder, where it can.

    Else, if that one is killed, it would go on writing pages, and hold the folder as well.
    """
    with suppress(AttributeError):  # Linux has this
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def publish(staging, site):
    """Put `staging` in the place of `site`; a reader finds the old site or the new one."""
    if site.exists() and exchange(staging, site):
        shutil.rmtree(staging, ignore_errors=True)
        return
    old = site.with_name(f"{site.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    staging.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def exchange(one, other):
    """Exchange two folders in one step; whether system and disk can do that (Linux can)."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except AttributeError:
        return False
    return rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0


def recover(site):
    """Put the last good site back if a build was cut off between the two renames of `publish`."""
    old = site.with_name(f"{site.name}.old")
    if old.exists() and not site.exists():
        old.rename(site)
