"""A process that imports heavy packages once and forks the kernels of pages from itself.

``python fork_server.py PARENT PACKAGE ...`` is started by `forked_kernel`. They talk through the
socket that is its standard input: one line asks for a kernel, one line answers with its process id.
It and its kernels end with the process that started it.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
from contextlib import suppress

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
#: Packages look at these when they are imported, to know whether someone types what they run.
PROMPTS = {"ps1": "In : ", "ps2": "...: ", "ps3": "Out: "}


class CurrentStream:
    """Stands for `sys.stdout` or `sys.stderr`, whatever that is when something is written.

    A package that keeps the stream which it finds while it is imported reaches the kernel's later.
    """

    def __init__(self, name):
        self._name, self._now = name, getattr(sys, name)

    def __getattr__(self, attribute):
        stream = getattr(sys, self._name)
        return getattr(self._now if stream is self else stream, attribute)

    def close(self):
        """Leave it open: as a kernel starts, it closes all that logging has opened before."""


def main():
    parent, *packages = sys.argv[1:]
    end_with(int(parent))
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]  # a kernel does not have the folder of this script there
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # read while ipykernel is imported
    if not preload(["ipykernel.kernelapp", *packages]):
        return
    if request := serve():
        become_kernel(**request)


def end_with(parent):
    """Die when the parent dies, however it does."""
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it was faster
        os._exit(1)


def preload(packages):
    """Import packages as a kernel would; say whether that was possible and drew no words."""
    streams, files = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    with tempfile.TemporaryFile() as said:
        for descriptor in (1, 2):
            os.dup2(said.fileno(), descriptor)
        vars(sys).update(PROMPTS)
        sys.stdout, sys.stderr = CurrentStream("stdout"), CurrentStream("stderr")
        try:
            for package in packages:
                importlib.import_module(package)
        except Exception:
            return False
        finally:
            sys.stdout, sys.stderr = streams
            for stream, file in zip(streams, files, strict=True):
                stream.flush()
                os.dup2(file, stream.fileno())
                os.close(file)
        return os.fstat(said.fileno()).st_size == 0


def serve():
    """Fork a kernel for each request. Returns the request in the kernel, nothing at the end."""
    kernels = []
    _answer("ready")
    for line in sys.stdin.buffer:
        try:
            kernel = os.fork()
        except OSError:
            kernel = 0
        else:
            if not kernel:
                return json.loads(line)
            _own_group(kernel)
            kernels.append(kernel)
        _answer(kernel)
    # Ended kernels are kept as zombies till now, so that no process id is used twice.
    for kernel in kernels:
        with suppress(ProcessLookupError):
            os.killpg(kernel, signal.SIGKILL)
        os.waitpid(kernel, 0)
    return None


def _answer(text):
    os.write(0, f"{text}\n".encode())


def _own_group(kernel):
    """Put a kernel in a process group of its own; parent and child do it, whoever comes first."""
    with suppress(OSError):
        os.setpgid(kernel, kernel)


def become_kernel(server, arguments, folder, environment):
    """Turn this process, forked from `server`, into the kernel that was asked for."""
    _own_group(os.getpid())
    end_with(server)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)  # also lets go of the socket
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment, JPY_PARENT_PID=str(server))
    sys.argv = ["ipykernel_launcher", *arguments]
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
