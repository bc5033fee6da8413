"""What the set-up says, in one line, when it cannot be done. No test here reaches another host."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def script(root):
    return root / "src" / "sphinx_lectures" / "install.py"


@pytest.fixture
def install(script):
    """The set-up script as a module."""
    spec = importlib.util.spec_from_file_location("install", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake_python(folder, name, version):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def test_a_wrong_python_is_named_with_what_is_needed(install, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", fake_python(tmp_path, "python3", "3 10"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11, 3\.12 or 3\.13; python3 is"):
        install.find_python()


def test_a_right_python_elsewhere_on_the_path_is_taken(install, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", fake_python(tmp_path, "python3", "3 14"))
    right = fake_python(tmp_path, "python3.12", "3 12")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    shutil.copy(right, tmp_path / "python3.13")
    fake_python(tmp_path, "python3.13", "")  # a launcher that has no such version
    assert install.find_python() == right


def test_a_folder_that_cannot_be_written_is_named(install, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit, match=f"cannot write to {tmp_path}"):
        install.main()


def test_with_no_network_it_says_so_in_one_line(script, root, tmp_path):
    shutil.copy(root / "requirements.lock", tmp_path)
    nowhere = "http://127.0.0.1:9/"
    environment = {**os.environ, "PIP_INDEX_URL": nowhere, "UV_INDEX_URL": nowhere}
    environment |= {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert done.stderr.startswith("unrolled: could not install uv: no package registry could be")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / ".venv" / "installed").exists()


def test_other_failures_show_what_the_command_said(install):
    with pytest.raises(SystemExit, match="could not count:\nseven is missing"):
        install.run("count", ["sh", "-c", "echo seven is missing; exit 1"])
