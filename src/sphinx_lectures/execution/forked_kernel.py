"""Kernels forked from a process that has heavy packages imported, where the platform allows it.

A page's kernel is then there at once, and says the same as one that imported the packages itself.
Where that cannot be done, or the process dies or has anything to say, an ordinary kernel starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

from jupyter_client.provisioning import LocalProvisioner
from nbclient import NotebookClient

SERVER = Path(__file__).with_name("fork_server.py")
LAUNCHER = ["-m", "ipykernel_launcher"]
PATIENCE = 10  #: seconds that a fork may take


class ForkServer:
    """The process that has `packages` imported: see `sphinx_lectures.execution.fork_server`."""

    def __init__(self, packages, folder, environment):
        self.packages, self.folder, self.environment = packages, folder, environment
        self.process = self.socket = None
        self.ready = False

    async def start(self):
        """Have the packages imported; afterwards `ready` says whether kernels can be forked."""
        if not possible():
            return
        try:
            self._start()
            self.ready = bool(await asyncio.get_running_loop().sock_recv(self.socket, 100))
            self.socket.settimeout(PATIENCE)
        except OSError:  # it could not be started, or died
            self.ready = False

    def _start(self):
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, SERVER, str(os.getpid()), *self.packages],
                stdin=theirs,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is left to the process that builds
            )

    def fork(self, command, folder, environment):
        """Fork a kernel that does what `command` would; return its process, none if it failed."""
        if not self.ready or command[1:3] != LAUNCHER:
            return None
        request = {
            "server": self.process.pid,
            "arguments": command[3:],
            "folder": str(folder),
            "environment": environment,
        }
        try:
            self.socket.sendall(json.dumps(request).encode() + b"\n")
            pid = int(self.socket.recv(100))
            return ForkedProcess(pid) if pid else None
        except (OSError, ValueError):  # it is dead, or too late: its next answer would be wrong
            self.ready = False
            return None

    def close(self):
        """End the process and its kernels."""
        if self.socket:
            self.socket.close()
        if self.process:
            try:
                self.process.wait(PATIENCE if self.ready else 0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def possible():
    """Whether the platform has what is needed: forking Python is safe on Linux only."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return sys.platform == "linux"


class ForkedProcess:
    """What `LocalProvisioner` needs of a `Popen`, for a process that another one has started."""

    stdin = stdout = stderr = None

    def __init__(self, pid):
        self.pid, self._handle, self.returncode = pid, os.pidfd_open(pid), None

    def poll(self):
        """None while it runs; its real exit code is known to the server only."""
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._handle, select.POLLIN)
            if ended.poll(0):
                os.close(self._handle)
                self.returncode = 1
        return self.returncode

    wait = poll  #: the provisioner waits until it has ended


class Provisioner(LocalProvisioner):
    """Starts a kernel by a fork if there is a server that can, by a command if not."""

    server = None

    async def launch_kernel(self, cmd, **kwargs):
        process = self.server.fork(cmd, kwargs["cwd"], kwargs["env"])
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid, self.pgid = process, process.pid, process.pid
        self.cwd = kwargs["cwd"]
        return self.connection_info


class ForkingClient(NotebookClient):
    """Runs a notebook in a kernel forked from `server`, or in an ordinary one."""

    def __init__(self, *args, server=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.server = server

    def create_kernel_manager(self):
        manager = super().create_kernel_manager()
        if self.server:
            manager.provisioner = Provisioner(kernel_spec=manager.kernel_spec, parent=manager)
            manager.provisioner.server = self.server
        return manager
