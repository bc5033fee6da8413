"""What is kept from build to build: files that are written whole, results under a hash."""

import json
import os
import pickle
import sys
from hashlib import sha256
from pathlib import Path


def hash_of(value):
    """The hash of what JSON can say."""
    return sha256(json.dumps(value).encode()).hexdigest()


def load_json(path):
    """What is kept in a file; nothing if there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write_whole(path, content):
    """Write a file, given as text or bytes, so that no reader ever sees half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content.encode() if isinstance(content, str) else content)
    part.replace(path)


def installed():
    """Names of all that is installed, with versions."""
    return sorted(path.name for folder in sys.path for path in Path(folder).glob("*-info"))


class Memo:
    """Results kept in a file; if they were made on another `basis`, they are forgotten."""

    def __init__(self, path, basis):
        self.path, self.basis = path, sha256(basis.encode()).digest()
        kept = path.read_bytes() if path.is_file() else b""
        # What was kept with another basis may be of a type that is there no more.
        known = kept.startswith(self.basis)
        self.before = pickle.loads(kept[len(self.basis) :]) if known else {}
        self.now = {}

    def __call__(self, make, *made_from):
        """The kept result of `make()`, or a new one if the strings `made_from` are others."""
        key = sha256("\0".join(made_from).encode()).digest()
        if key not in self.now:
            self.now[key] = self.before[key] if key in self.before else make()
        return self.now[key]

    def save(self):
        """Keep the results of this build, and no others."""
        if self.now.keys() != self.before.keys():
            write_whole(self.path, self.basis + pickle.dumps(self.now))
