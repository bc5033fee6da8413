"""A site is replaced whole, and put back if that was cut off."""

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
