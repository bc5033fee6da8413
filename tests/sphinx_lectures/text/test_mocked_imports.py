"""A heavy package that autodoc mocks is not imported for the sake of a base class."""

import sys

import pytest
import tiny_site
from sphinx.pycode import ModuleAnalyzer

LIGHT = '''
"""A module."""

import heavy


class Child(heavy.Parent):
    """A class."""

    def __init__(self, x):
        self.x = x
'''


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a site that documents a class whose base is in a heavy package: was that imported?"""

    def build(*extensions):
        heavy = f"open({str(tmp_path / 'imported')!r}, 'w')\n\n\nclass Parent:\n    pass\n"
        page = "Site\n====\n\n.. automodule:: light\n   :members:\n"
        tiny_site.write(tmp_path, {"heavy.py": heavy, "light.py": LIGHT, "index.rst": page})
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(ModuleAnalyzer, "cache", {})  # it outlives a build
        out, _ = tiny_site.build(tmp_path, [*extensions], autodoc_mock_imports=["heavy"])
        for name in ("heavy", "light"):
            sys.modules.pop(name, None)
        assert "Child" in (out / "index.html").read_text(encoding="utf-8")
        return (tmp_path / "imported").exists()

    return build


def test_a_mocked_package_is_not_imported(build):
    assert not build("sphinx.ext.autodoc", "sphinx_lectures.text")


def test_autodoc_alone_imports_it(build):
    """If this fails one day, the extension is no longer needed."""
    assert build("sphinx.ext.autodoc")


def test_mocks_are_put_away_after_the_build(build):
    before = list(sys.meta_path)
    build("sphinx.ext.autodoc", "sphinx_lectures.text")
    assert sys.meta_path == before
