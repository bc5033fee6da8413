"""Results that are kept from build to build, under a hash of what they were made from."""

from __future__ import annotations

import pickle
from hashlib import sha256


class Memo:
    """Results kept in a file.

    Parameters
    ----------
    path : Path
        The file.
    basis : str
        What all results rest on; those kept with another basis are forgotten.
    """

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
            part = self.path.with_name(f"{self.path.name}.part")
            part.write_bytes(self.basis + pickle.dumps(self.now))
            part.replace(self.path)
