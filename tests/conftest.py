"""What all tests share: one browser, and no traces of one site in the next."""

import os

import pytest
from browser import FLAGS, MISSING, find
from myst_nb.core.render import load_mime_renders
from playwright.sync_api import sync_playwright
from sphinx.config import Config

# Operations that run side by side add up in an order of their own: in one of a hundred measurements
# of one model the last bits differed, in none with one thread. Pages compute so, too.
os.environ["TF_NUM_INTEROP_THREADS"] = "1"


@pytest.fixture(scope="session")
def browser():
    executable = find()
    if not executable:
        pytest.fail(MISSING, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True, scope="module")
def _no_traces():
    """Many sites are built in this process, as no user does: what they leave in it is put back."""
    suffixes, renderers = Config.config_values["source_suffix"].default, load_mime_renders()
    before = dict(suffixes), list(renderers)
    yield
    suffixes.clear()
    suffixes.update(before[0])
    renderers[:] = before[1]
