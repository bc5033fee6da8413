"""`make` builds the site again when a file has another name, size or time, older ones included."""

import json
import os
import runpy
from pathlib import Path

import listing
import pytest


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two files; its folder, which is the current one."""
    (tmp_path / "lectures").mkdir()
    for name in ("conf.py", "lectures/one.md"):
        (tmp_path / name).write_text("text")
    monkeypatch.chdir(tmp_path)
    return tmp_path


EDITS = {
    "longer": lambda folder: (folder / "lectures/one.md").write_text("longer text"),
    "older": lambda folder: os.utime(folder / "lectures/one.md", (1e9, 1e9)),
    "new": lambda folder: (folder / "lectures/two.md").write_text(""),
    "gone": lambda folder: (folder / "lectures/one.md").unlink(),
    "renamed": lambda folder: (folder / "lectures/one.md").rename(folder / "lectures/1.md"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_shows(project, edit):
    before = listing.listing()
    edit(project)
    assert listing.listing() != before


@pytest.mark.parametrize("name", ["__pycache__/one.pyc", ".one.md.swp", "x.egg-info/PKG-INFO"])
def test_what_tools_leave_behind_does_not_show(project, name):
    (project / "src" / name).parent.mkdir(parents=True)
    before = listing.listing()
    (project / "src" / name).write_text("text")
    assert listing.listing() == before


def test_what_pages_have_read_elsewhere_shows(project, monkeypatch, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "n.txt"
    (project / "_build").mkdir()
    watched = [["file", str(outside)], ["variable", "MODE"]]
    (project / "_build/watched.json").write_text(json.dumps(watched))
    found = [listing.listing()]
    outside.write_text("1")
    found.append(listing.listing())
    monkeypatch.setenv("MODE", "two")
    found.append(listing.listing())
    assert len(set(found)) == 3


def test_all_that_the_source_archive_holds_is_listed():
    root = next(path for path in Path(__file__).parents if (path / "conf.py").is_file())
    conf = runpy.run_path(str(root / "conf.py"))
    assert set(conf["downloads_source"]) <= set(listing.TOPS)
