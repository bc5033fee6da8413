"""What the set-up says, in one line, when it cannot be done. No test here reaches another host."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def root():
    return Path(__file__).parents[2]


@pytest.fixture
def script(root):
    return root / "tools" / "install.py"


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


def test_a_named_python_is_not_exchanged_for_another(install, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", fake_python(tmp_path, "mine", "3 14"))
    fake_python(tmp_path, "python3.12", "3 12")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11, 3\.12 or 3\.13; .*mine is"):
        install.find_python(named=True)


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


@pytest.fixture
def installed(install, monkeypatch, tmp_path):
    """The set-up script where packages are installed already."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").write_text("before")
    return install


def state(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_new_set_up_that_fails_leaves_what_was_installed(installed, monkeypatch, tmp_path):
    before = state(tmp_path)

    def fail(python):
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(installed, "install", fail)
    with pytest.raises(KeyboardInterrupt):
        installed.main()
    assert state(tmp_path) == before


def test_after_a_set_up_that_was_killed_what_was_installed_comes_back(
    installed, monkeypatch, tmp_path
):
    before = state(tmp_path)
    (tmp_path / ".venv").rename(tmp_path / installed.PREVIOUS)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    monkeypatch.setattr(installed, "install", lambda python: installed.stop("no network"))
    with pytest.raises(SystemExit, match="no network"):
        installed.main()
    assert state(tmp_path) == before


def test_a_good_set_up_takes_the_place_of_what_was_installed(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "install", lambda python: (tmp_path / ".venv").mkdir())
    installed.main()
    assert state(tmp_path) == [".venv"]


def test_other_failures_show_what_the_command_said(install):
    with pytest.raises(SystemExit, match="could not count:\nseven is missing"):
        install.run("count", ["sh", "-c", "echo seven is missing; exit 1"])
