"""Many sites are built in one process here, as no user does: what they leave in it is put back."""

import pytest
from myst_nb.core.render import load_mime_renders
from sphinx.config import Config


@pytest.fixture(autouse=True, scope="module")
def _no_traces():
    suffixes, renderers = Config.config_values["source_suffix"].default, load_mime_renders()
    before = dict(suffixes), list(renderers)
    yield
    suffixes.clear()
    suffixes.update(before[0])
    renderers[:] = before[1]
