"""Run first in the kernel of a page: notes what the page reads, found or not, while it runs.

It needs the standard library alone, and knows nothing of what the notes are for (see `reads`). Each
line of the file that LECTURES_READS names is a JSON list: what was done, and to what.

- ``["file", path, mark]``: opened to be read; the mark is its time and size, if it was there
- ``["made", path]``: opened to be written; if it was read before, with the hash of what it held
- ``["log", path]``: opened to be written to at its end, or deleted
- ``["stat", path]``: asked whether it is there
- ``["list", path]``: its names were listed
- ``["variable", name]``: an environment variable was asked for
- ``["process", ""]``: a program was started; what it reads is not seen

What an import finds counts as a file, and where it found nothing as asked for. Python's own files
and those of installed packages are noted by the folder of the package alone.
"""

import hashlib
import importlib.util
import inspect
import json
import os
import site
import sys
import sysconfig
import threading
from functools import cache
from itertools import filterfalse, islice
from traceback import walk_stack

SYSTEM = ["/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"]
#: Where programs keep what they can make again, or what is about this one process.
OWN = [
    os.environ.get(name)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")
]
OWN += [os.path.expanduser(path) for path in ("~/.cache", "~/.local/share/jupyter", "~/.keras")]
PACKAGES = {
    os.path.realpath(path)
    for path in [*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib")]
}
PYTHON = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix)}
LONGEST = 1000  #: of the names that are noted: IPython asks whether what is shown names a file
STARTS = {
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"),
    *("os.forkpty", "pty.spawn"),  # so does IPython start a command
}
#: Code that asks on behalf of whoever called it.
GO_BETWEENS = ("IPython", "ipykernel", "pexpect", "ptyprocess")


def within(path, folders):
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders if folder)


def package_of(path):
    """The folder of the installed package that a file lies in, without those above; else none."""
    for folder in PACKAGES:
        if path.startswith(folder + os.sep):
            return path[len(folder) + 1 :].split(os.sep)[0]
    return None


@cache
def is_installed(file):
    """Whether code is Python's own or that of an installed package."""
    return file.startswith("<frozen") or within(os.path.realpath(file), PYTHON | PACKAGES)


@cache
def is_go_between(file):
    """Whether code is of the standard library, or passes on what a cell asks for."""
    if file.startswith("<frozen") or file == __file__:
        return True
    path = os.path.realpath(file)
    package = package_of(path)
    return package in GO_BETWEENS if package else within(path, PYTHON)


def mark(path):
    """By which to tell, soon, whether a file was edited meanwhile."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def content(path):
    """The hash of a file; None if there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class Notes:
    """The file of notes: each is written once, and at once, since a kernel may be killed."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.seen = set()

    def add(self, kind, name=""):
        if (kind, name) not in self.seen:
            self.seen.add((kind, name))
            note = [kind, name]
            if kind == "file":
                note.append(mark(name))
            elif kind == "made" and ("file", name) in self.seen:
                note.append(content(name))
            os.write(self.file, json.dumps(note).encode() + b"\n")

    def path(self, kind, path):
        """Note something about a file or folder, if it is one of the page's world."""
        if isinstance(path, int) or not 0 < len(os.fspath(path)) < LONGEST:
            return
        path = os.path.abspath(os.fsdecode(path))
        if within(path, SYSTEM) or within(path, OWN):
            return
        if os.path.dirname(path).endswith("__pycache__"):
            kind, path = "file", importlib.util.source_from_cache(path)
        real = os.path.realpath(path)
        if package := package_of(real):
            self.add("package", package)
        elif not within(real, PYTHON):
            self.add(kind, path)


#: In each thread, whether the recorder itself is at work: what that asks for is not noted.
AT_WORK = threading.local()


def unnoticed(function):
    """A function of the recorder that calls nothing of it, and fails in silence.

    What cannot be a path, or is asked for while Python ends, is the page's own affair.
    """

    def call(*arguments):
        if not getattr(AT_WORK, "now", False):
            AT_WORK.now = True
            try:
                function(*arguments)
            except Exception:
                pass
            finally:
                AT_WORK.now = False

    return call


def asks_for_itself():
    """Whether the code that asks is the page's or its library's, not that of a package."""
    files = (frame.f_code.co_filename for frame, _ in walk_stack(inspect.currentframe()))
    file = next(filterfalse(is_go_between, files), None)
    return file is not None and not is_installed(file)


def is_import():
    """Whether Python itself looks, for something to import or for what is installed."""
    frames = islice(walk_stack(inspect.currentframe()), 1, 9)
    return any("importlib" in frame.f_code.co_filename for frame, _ in frames)


def record(notes):
    """Hook into whatever tells of reading, until the process ends."""

    def opened(path, mode, flags):
        if flags & getattr(os, "O_DIRECTORY", 0):  # what lists it says so
            return
        writes = set(mode) & set("wax+") if mode else flags & (os.O_WRONLY | os.O_RDWR)
        if not writes:
            notes.path("file", path)
        else:
            notes.path("log" if "a" in (mode or "") or flags & os.O_APPEND else "made", path)

    def looked_for(module):
        """Where a module might have been found, before or in place of where it was."""
        parent, _, name = module.rpartition(".")
        places = getattr(sys.modules.get(parent), "__path__", ()) if parent else sys.path
        for place in map(os.path.abspath, places):
            if not is_installed(os.path.join(place, "x.py")):
                notes.path("stat", os.path.join(place, f"{name}.py"))
                notes.path("stat", os.path.join(place, name, "__init__.py"))

    @unnoticed
    def hook(event, arguments):
        if event == "open":
            opened(*arguments)
        elif event == "import":
            looked_for(arguments[0])
        elif event == "os.rename":
            notes.path("log", arguments[0])
            notes.path("made", arguments[1])
        elif event in ("os.remove", "os.rmdir"):
            notes.path("log", arguments[0])
        elif event in ("os.listdir", "os.scandir") and not is_import():
            notes.path("list", "." if arguments[0] is None else arguments[0])
        elif event in STARTS and asks_for_itself():
            notes.add("process")

    @unnoticed
    def asked(kind, name):
        if asks_for_itself():
            notes.path(kind, name) if kind == "stat" else notes.add(kind, name)

    def asking(function):
        def ask(path, *arguments, **options):
            asked("stat", path)
            return function(path, *arguments, **options)

        return ask

    class Environment(type(os.environ)):
        """Notes the variables that the page or its library ask for."""

        def __getitem__(self, name):
            asked("variable", name)
            return super().__getitem__(name)

    os.environ.__class__ = Environment
    for name in ("stat", "lstat", "access"):
        setattr(os, name, asking(getattr(os, name)))
    sys.addaudithook(hook)


if os.environ.get("LECTURES_READS"):
    record(Notes(os.environ.pop("LECTURES_READS")))
