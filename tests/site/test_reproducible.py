"""The same outputs of cells make the same site, byte for byte, wherever it is built.

`make bench` also compares two builds of the whole site that ran every cell.
"""

import filecmp
import os
import shutil
import subprocess
import sys

NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", "_build", "__pycache__", "*.egg-info"
)


def test_the_site_is_the_same_if_it_is_built_in_another_folder(site, tmp_path):
    build, copy = site.parent, tmp_path / "another place"
    shutil.copytree(build.parent, copy, ignore=NOT_SOURCES)
    shutil.copytree(build / "outputs", copy / "_build" / "outputs")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx_lectures"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "running" not in done.stdout  # the outputs of `make html` are of these very pages
    again = copy / "_build" / "html"
    names = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert names == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    other = [n for n in names if not filecmp.cmp(site / n, again / n, shallow=False)]
    assert sorted(map(str, other)) == []
