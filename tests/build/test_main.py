"""``python -m sphinx_lectures`` on sites of pages that need not run."""

import errno

import pytest

from sphinx_lectures.__main__ import is_for_want_of_room

CONF = """
extensions = ["myst_parser", "proofs"]
exclude_patterns = ["_build"]
"""
DOMAIN = """
from sphinx.domains import Domain


class Proofs(Domain):
    name = "proof"


def setup(app):
    app.add_domain(Proofs)
    return {"parallel_read_safe": True}
"""
SILENT = "def setup(app): pass"


def built_with(site, extension):
    """Build a site of several pages, with an extension; what is said."""
    site.write("conf.py", CONF)
    site.write("src/proofs.py", extension)
    site.list_every_page()
    for name in "abcdef":
        site.write(f"{name}.md", f"# Page {name}")
    return site.runs()


@pytest.mark.parametrize("extension", [DOMAIN, SILENT], ids=["cannot merge", "says nothing"])
def test_site_with_an_unsafe_extension_is_read_by_one_process(site, extension):
    assert "because of proofs" in built_with(site, extension)


def test_site_with_safe_extensions_is_read_by_several(site):
    assert built_with(site, "def setup(app): return {'parallel_read_safe': True}") == ""


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_want_of_room_is_known_also_behind_another_error(number, expected):
    error = RuntimeError("an extension failed")
    error.__cause__ = OSError(number, "no")
    assert is_for_want_of_room(error.__cause__) is is_for_want_of_room(error) is expected
