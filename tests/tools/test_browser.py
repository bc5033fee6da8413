"""The browser for the tests is one that starts; if none does, it is said what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "browser.py"


def program(folder, name, text="exit 1"):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def found(path, **environment):
    """What the tool says where only `path` has programs, and nothing can be installed."""
    nowhere = {"PLAYWRIGHT_BROWSERS_PATH": str(path / "none"), "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, TOOL],
        env={**os.environ, "PATH": str(path), "CHROME_PATH": "", **nowhere, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.fixture
def real(tmp_path):
    """The browser that the other tests use."""
    code, path, said = found(tmp_path, PATH=os.environ["PATH"])
    assert code == 0, said
    return path


@pytest.mark.parametrize("name", ["google-chrome", "microsoft-edge-stable", "chromium-browser"])
def test_a_browser_by_another_name_is_found_though_a_broken_one_comes_first(real, tmp_path, name):
    program(tmp_path, "chromium")  # such as a package that only points to another one
    right = program(tmp_path, name, f'exec "{real}" "$@"')
    assert found(tmp_path)[:2] == (0, str(right))


def test_a_named_browser_is_taken(real, tmp_path):
    assert found(tmp_path, CHROME_PATH=real)[:2] == (0, real)


def test_without_any_browser_one_line_says_what_to_do(tmp_path):
    program(tmp_path, "chromium")
    code, path, said = found(tmp_path)
    assert (code, path) == (1, "")
    assert said.splitlines()[-1].startswith("make test needs a browser that Playwright can drive")
