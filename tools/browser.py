"""A browser for the tests: one that is installed, or else one that can be installed here.

``python tools/browser.py`` prints its path, after installing one where that is possible:
Debian's package, then the browser that Playwright brings along. `CHROME_PATH` names another one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

NAMES = [
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("microsoft-edge", "microsoft-edge-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-sync", "--disable-background-networking", "--disable-component-update"]
MISSING = (
    "make test needs a browser that Playwright can drive: install Chromium, Google Chrome or "
    "Microsoft Edge, or name one with CHROME_PATH=/path/to/it"
)


def find():
    """The path of the first browser that starts; None if there is none."""
    named = os.environ.get("CHROME_PATH")
    installed = [named] if named else [path for name in NAMES if (path := shutil.which(name))]
    with sync_playwright() as playwright:
        for path in [*installed, playwright.chromium.executable_path]:
            if Path(path).is_file() and _starts(playwright, path):
                return path
    return None


def _starts(playwright, path):
    """Whether a browser opens a page; a package that only points to another one does not."""
    try:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=60_000)
        browser.new_page().goto("about:blank")
        browser.close()
    except Error:
        return False
    return True


def install():
    """Install a browser in the ways that are possible here, until one of them gives one."""
    for said, commands in (
        ("Debian's Chromium", _debian()),
        ("Playwright's Chromium", [[sys.executable, "-m", "playwright", "install", "chromium"]]),
    ):
        if commands:
            print(f"Installing {said} for the browser tests.", file=sys.stderr, flush=True)
            for command in commands:
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if found := find():
                return found
    return None


def _debian():
    """Commands that install Debian's package, where this is Debian and they may be called."""
    release = Path("/etc/os-release")
    is_debian = release.is_file() and "\nID=debian\n" in f"\n{release.read_text()}\n"
    if not (is_debian and os.geteuid() == 0 and shutil.which("apt-get")):
        return []
    return [["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "chromium"]]


if __name__ == "__main__":
    print(find() or install() or sys.exit(MISSING))
