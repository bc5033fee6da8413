"""Print one hash for all that the site is made of: names, sizes and times of files, no contents.

`make` compares it with that of the last good build. A time that is older counts as a change, too.
Besides the folders of the project, the build lists in ``_build/watched.json`` what pages have read
elsewhere: files outside, and variables of the environment.
"""

import hashlib
import json
import os

TOPS = (
    *(".ci", ".github", ".gitignore", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in"),
    *("Makefile", "README.md", "benchmarks", "conf.py", "docs", "index.md", "lectures"),
    *("pyproject.toml", "requirements.lock", "src", "tests", "tools"),
)
WATCHED = os.path.join("_build", "watched.json")


def entries(top):
    """A line for each file in a folder, or for one file."""
    yield line(top)
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__"))
                            and not name.endswith(".egg-info"))  # fmt: skip
        names = [*folders, *(name for name in sorted(files) if not name.startswith("."))]
        yield from (line(os.path.join(folder, name)) for name in names)


def line(path):
    try:
        status = os.stat(path)
    except OSError:
        return f"{path} is not there"
    if os.path.isdir(path):
        return path
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def watched():
    """A line for each thing that pages have read elsewhere."""
    try:
        with open(WATCHED, encoding="utf-8") as file:
            known = json.load(file)
    except OSError:
        return
    for kind, name in known:
        yield f"{name}={os.environ.get(name)}" if kind == "variable" else line(name)


def listing():
    lines = [*(entry for top in TOPS for entry in entries(top)), *watched()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


if __name__ == "__main__":
    print(listing())
