"""``python -m sphinx_lectures`` on sites of pages that need not run."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sphinx_lectures
from sphinx_lectures.__main__ import is_for_want_of_room

CONF = """
extensions = ["myst_parser", "proofs"]
exclude_patterns = ["_build"]
"""
INDEX = """
# Site

```{toctree}
:glob:

page*
```
"""
DOMAIN = """
from sphinx.domains import Domain


class Proofs(Domain):
    name = "proof"


def setup(app):
    app.add_domain(Proofs)
    return {"parallel_read_safe": True}
"""
SILENT = "def setup(app): pass"


def build(folder, extension):
    """Build a site of several pages, with an extension; what was printed."""
    files = {"conf.py": CONF, "index.md": INDEX, "modules/proofs.py": extension}
    files |= {f"page_{number}.md": f"# Page {number}" for number in range(6)}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    path = [str(folder / "modules"), str(Path(sphinx_lectures.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx_lectures"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("extension", [DOMAIN, SILENT], ids=["cannot merge", "says nothing"])
def test_site_with_an_unsafe_extension_is_read_by_one_process(tmp_path, extension):
    assert "because of proofs" in build(tmp_path, extension)


def test_site_with_safe_extensions_is_read_by_several(tmp_path):
    assert build(tmp_path, "def setup(app): return {'parallel_read_safe': True}") == ""


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_want_of_room_is_known_also_behind_another_error(number, expected):
    error = RuntimeError("an extension failed")
    error.__cause__ = OSError(number, "no")
    assert is_for_want_of_room(error.__cause__) is is_for_want_of_room(error) is expected
