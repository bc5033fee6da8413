"""The wheel holds the library alone, the source archive everything that builds the site."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
MAKE = "from setuptools import build_meta as b; b.build_wheel('dist'); b.build_sdist('dist')"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Names of the files in the wheel and in the source archive."""
    copy = tmp_path_factory.mktemp("copy") / "unrolled"
    left_out = shutil.ignore_patterns("_build", ".git", ".venv*", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=left_out)
    subprocess.run([sys.executable, "-c", MAKE], cwd=copy, check=True, capture_output=True)
    (wheel,), (source,) = (copy / "dist").glob("*.whl"), (copy / "dist").glob("*.tar.gz")
    with ZipFile(wheel) as file, tarfile.open(source) as archive:
        names = {path.name.partition("/")[2] for path in archive if path.isfile()}
        return set(file.namelist()), names


def test_the_wheel_holds_the_library_alone(built):
    tops = {name.partition("/")[0] for name in built[0]}
    assert tops == {"unrolled", *(top for top in tops if top.endswith(".dist-info"))}
    assert {"unrolled/py.typed", "unrolled/tasks/sunspots.csv"} <= built[0]


def test_the_source_archive_holds_every_file_of_the_project(built):
    folders = [".ci", ".github", "benchmarks", "docs", "lectures", "src", "tests", "tools"]
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    paths += [ROOT / name for name in ("Makefile", "conf.py", "index.md", "requirements.lock")]
    names = {path.relative_to(ROOT).as_posix() for path in paths if path.is_file()}
    missing = names - built[1]
    assert not {name for name in missing if "__pycache__" not in name and "egg-info" not in name}
