"""The library as a wheel, the project as a source archive: from the same files the same bytes."""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from sphinx_lectures.rebuilds.kept import write_whole

DATE = 315532800  #: of every file in the archives: 1980-01-01, the first that a wheel can name
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.pyc", "*.egg-info", "_build")
#: Of a project: what a wheel of its library is made from, but for the packages.
ABOUT = ("pyproject.toml", "README.md", "LICENSE")
BUILD = "import setuptools.build_meta as s, sys; s.build_wheel(sys.argv[1])"


def source_files(root, names):
    """Files of a project, sorted: those named, and all in the folders named but hidden ones."""
    files = set()
    for name in names:
        top = Path(root, name)
        if top.is_file():
            files.add(top)
        for folder, folders, within in os.walk(top):
            ignored = LEFT_OUT(folder, [*folders, *within])
            folders[:] = [name for name in folders if name not in ignored]
            files |= {Path(folder, name) for name in within if name not in ignored}
    return sorted(path.relative_to(root) for path in files)


def source_archive(root, names, folder):
    """The files and folders `names` of a project as a ``.tar.gz`` that unpacks to `folder`.

    It holds no date, no user, and of the permissions only who may execute.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed,
        tarfile.open(mode="w", fileobj=compressed, format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in source_files(root, names):
            content = (root / path).read_bytes()
            entry = tarfile.TarInfo(f"{folder}/{path.as_posix()}")
            entry.size, entry.mtime = len(content), DATE
            entry.mode = 0o755 if os.access(root / path, os.X_OK) else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def wheel(root, packages, kept):
    """The library in ``src``, of some packages, as a wheel, given as bytes.

    The newest is kept in the folder `kept`, under a hash of its files. Raises a `RuntimeError` with
    what was said if it cannot be made.
    """
    files = source_files(root, [*ABOUT, *(f"src/{name}" for name in packages)])
    contents = [(path.as_posix(), (root / path).read_bytes()) for path in files]
    made_from = repr([version("setuptools"), sys.version, contents])
    place = kept / f"{sha256(made_from.encode()).hexdigest()[:16]}.whl"
    if not place.is_file():
        made = _build(root, files)
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        write_whole(place, made)
    return place.read_bytes()


def _build(root, files):
    with tempfile.TemporaryDirectory(prefix="wheel-") as work:
        made, project = Path(work, "made"), Path(work, "project")
        for path in files:
            copy = project / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, copy)
            copy.chmod(0o644)  # a wheel keeps permissions
        done = subprocess.run(
            [sys.executable, "-c", BUILD, str(made)],
            cwd=project,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(DATE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stdout.strip())
        (file,) = made.glob("*.whl")
        return file.read_bytes()
