"""A site is replaced whole, and put back if that was cut off."""

import subprocess
import sys

import pytest

from sphinx_lectures.rebuilds import publish


@pytest.fixture
def folders(tmp_path):
    """A staging folder and a site, one file each."""
    for name in ("staging", "site"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page").write_text(name)
    return tmp_path / "staging", tmp_path / "site"


@pytest.mark.parametrize("system", ["exchanges", "does not"])
def test_the_new_site_stands_in_the_place_of_the_old_one(folders, system, monkeypatch):
    staging, site = folders
    if system == "does not":
        monkeypatch.setattr(publish, "exchange", lambda one, other: False)
    publish.publish(staging, site)
    assert (site / "page").read_text() == "staging"
    assert [path.name for path in site.parent.iterdir()] == ["site"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can exchange two folders")
def test_two_folders_change_places_in_one_step(folders):
    staging, site = folders
    assert publish.exchange(staging, site)
    assert (site / "page").read_text() == "staging"
    assert (staging / "page").read_text() == "site"
    assert not publish.exchange(staging, site.with_name("missing"))


def test_a_site_that_was_moved_away_is_put_back(folders):
    _, site = folders
    site.rename(site.with_name("site.old"))
    publish.recover(site)
    assert (site / "page").read_text() == "site"


BUILD = """
import multiprocessing, pathlib, time
from sphinx_lectures.rebuilds.publish import only_build
with only_build(pathlib.Path(".")):
    multiprocessing.get_context("fork").Process(target=time.sleep, args=[60]).start()
    print("forked", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")
def test_what_a_killed_build_has_forked_does_not_hold_up_the_next_one(tmp_path):
    script = [sys.executable, "-c", BUILD]
    killed = subprocess.Popen(script, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert killed.stdout.readline() == "forked\n"
    killed.kill()
    following = subprocess.Popen(script, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert "forked\n" in iter(following.stdout.readline, "")
    following.kill()
