"""The library as a wheel, the project as a source archive: from the same files the same bytes."""

from __future__ import annotations

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
    """A project as a compressed archive.

    Parameters
    ----------
    root : Path
        The project.
    names : list of str
        The files and folders of it that go in.
    folder : str
        The folder that the archive unpacks to.

    Returns
    -------
    bytes
        A ``.tar.gz``; it holds no date, no user, and of the permissions only who may execute.
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


class Wheel:
    """A wheel in the making: begun at once in a process of its own, kept under a hash of its files.

    Parameters
    ----------
    root : Path
        The project; its packages lie in ``src``.
    packages : list of str
        The packages that go in.
    kept : Path
        A folder for wheels from build to build; it holds the newest one only.
    """

    def __init__(self, root, packages, kept):
        sources = [f"src/{name}" for name in packages]
        self.files = source_files(root, [*ABOUT, *sources])
        self.kept = kept / self._digest(root)
        self.process = None
        if not self.kept.is_dir():
            self.work = tempfile.TemporaryDirectory(prefix="wheel-")
            self._begin(root, Path(self.work.name))

    def _digest(self, root):
        digest = sha256(f"{version('setuptools')} {sys.version}".encode())
        for path in self.files:
            content = sha256((root / path).read_bytes()).hexdigest()
            digest.update(f"{path.as_posix()} {content}\n".encode())
        return digest.hexdigest()[:16]

    def _begin(self, root, work):
        for path in self.files:
            copy = work / "project" / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, copy)
            copy.chmod(0o644)  # a wheel keeps permissions
        self.process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(work / "made")],
            cwd=work / "project",
            env={**os.environ, "SOURCE_DATE_EPOCH": str(DATE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def file(self):
        """The file, once it is made; a `RuntimeError` with what was said if it cannot be."""
        if self.process:
            said, _ = self.process.communicate()
            with self.work:
                if self.process.returncode:
                    raise RuntimeError(said.strip())
                shutil.rmtree(self.kept.parent, ignore_errors=True)
                part = self.kept.with_name(f"{self.kept.name}.part")
                shutil.copytree(Path(self.work.name, "made"), part)
                part.rename(self.kept)
            self.process = None
        (file,) = self.kept.glob("*.whl")
        return file
