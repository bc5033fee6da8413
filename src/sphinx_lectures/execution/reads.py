"""What a page has read while it ran, and whether all of that is still as it was.

The recorder in a page's kernel notes what is read; here the notes become a record of how each
thing was: the hash of a file, the names in a folder, the value of a variable, the version of a
package, or that something was not there. Outputs are kept with their record and hold as long as it
does. So nothing is guessed from the code, and no time of a file is asked.
"""

import json
import os
from functools import lru_cache
from pathlib import Path

from sphinx_lectures.execution.recorder import content
from sphinx_lectures.execution.recorder import mark as mark_of
from sphinx_lectures.rebuilds.kept import hash_of, installed, load_json, write_whole

RECORDER = Path(__file__).with_name("recorder.py")
ABSENT = "absent"


class World:
    """How things are now, each looked at once.

    Names of files are relative to `folder`; `environment` is that of kernels.
    """

    def __init__(self, folder, environment):
        self.folder, self._environment, self._known = folder, environment, {}

    def state(self, kind, name):
        """How something is, as text."""
        if (kind, name) not in self._known:
            self._known[kind, name] = getattr(self, f"_{kind}")(name)
        return self._known[kind, name]

    def _file(self, name):
        return content(self.folder / name) or ABSENT

    _made = _file

    def _stat(self, name):
        path = os.path.join(self.folder, name)  # which may be anything that was asked for
        return "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else ABSENT

    def _list(self, name):
        try:
            return hash_of(sorted(set(os.listdir(self.folder / name)) - {"__pycache__"}))
        except OSError:
            return ABSENT

    def _variable(self, name):
        return self._environment.get(name, ABSENT)

    def _package(self, folder):
        found = _installed().get(folder.partition(".")[0].lower().replace("_", "-"))
        # If the name of its folder does not tell, the versions of all that is installed.
        return found or hash_of(sorted(_installed().values()))


@lru_cache
def _installed():
    """What is installed, with versions, by the name of the package."""
    return {name.partition("-")[0].lower().replace("_", "-"): name for name in installed()}


class Notes:
    """What a kernel has noted in a file: lists of a kind, a name and perhaps a mark."""

    def __init__(self, path):
        lines = path.read_text(encoding="utf-8").splitlines()
        self._lines = [json.loads(line) for line in lines]

    def has(self, kind):
        return any(line[0] == kind for line in self._lines)

    def edited(self):
        """Files that hold something else than when the page read them."""
        own = {name for kind, name, *_ in self._lines if kind in ("made", "log")}
        read = {name: mark[0] for kind, name, *mark in self._lines if kind == "file"}
        held = {name: was[0] for kind, name, *was in self._lines if kind == "made" and any(was)}
        return [
            *(name for name, mark in read.items() if name not in own and mark != mark_of(name)),
            *(name for name, was in held.items() if was != content(name)),
        ]

    def record(self, world, more):
        """How everything is now that was read, and `more` files: states by kind and name."""
        logs = {name for kind, name, *_ in self._lines if kind == "log"}
        read = {(kind, _within(name, kind, world.folder)) for kind, name, *_ in self._lines
                if kind not in ("process", "log") and name not in logs}  # fmt: skip
        read |= {("file", _within(name, "file", world.folder)) for name in more}
        return {(kind, name): world.state(kind, name) for kind, name in sorted(read)}


def _within(name, kind, folder):
    """The name of a file, as seen from the folder of the site if it lies within."""
    if kind in ("variable", "package") or not Path(name).is_relative_to(folder):
        return str(name)
    return str(Path(name).relative_to(folder))


class Store:
    """Results of pages, in a folder: each a ``KEY.N.json``, and its record a ``KEY.N.reads``."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, key, world):
        """The file of the result for a key whose record holds; None if there is none."""
        for path in sorted(self.folder.glob(f"{key}.*.reads")):
            result, reads = path.with_suffix(".json"), load_json(path)
            if result.is_file() and all(world.state(*read) == state for *read, state in reads):
                return result
        return None

    def keep(self, key, record, result):
        """Keep a result; returns its file."""
        states = [[*read, state] for read, state in record.items()]
        path = self.folder / f"{key}.{hash_of(states)[:16]}.json"
        write_whole(path, json.dumps(result))
        write_whole(path.with_suffix(".reads"), json.dumps(states))
        return path
