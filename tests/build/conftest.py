"""Tiny sites, built for real by ``python -m sphinx_lectures`` in a temporary folder."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import tiny_site

CONF = """
extensions = ["myst_nb", "sphinxcontrib.bibtex", "sphinx_lectures.execution",
              "sphinx_lectures.figures", "sphinx_lectures.rebuilds"]
exclude_patterns = ["_build"]
nitpicky = True
bibtex_bibfiles = ["references.bib"]
lectures_rests_on = ["requirements.lock", "matplotlibrc"]
lectures_cell_timeout = 10
lectures_kernel_environment = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
"""
# Each run of a page leaves one line in the file that RUNS names, so that a test can count runs.
PAGE = """---
file_format: mystnb
kernelspec: {{name: python3, display_name: Python 3}}
---
# Page {name}

Some prose.

```{{code-cell}} ipython3
import os
with open(os.environ["RUNS"], "a") as runs:
    print("{name}", file=runs)
```

```{{code-cell}} ipython3
{code}
```
"""


def _heed_interrupts():
    """A shell that runs the tests in the background has its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Site:
    """A site of a few pages in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder.with_name("runs")
        path = filter(None, [str(folder / "src"), os.environ.get("PYTHONPATH")])
        self.environment = {
            **os.environ,
            "RUNS": str(self.log),
            "PYTHONPATH": os.pathsep.join(path),
        }

    def write(self, name, text):
        tiny_site.write(self.folder, {name: text})

    def page(self, name, code="print(1 + 1)"):
        self.write(f"{name}.md", PAGE.format(name=name, code=code))

    def list_every_page(self):
        self.write("index.md", "# Site\n\n```{toctree}\n:glob:\n\n*\n```\n")

    def edit(self, name, old, new):
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def append(self, name, text):
        self.write(name, (self.folder / name).read_text(encoding="utf-8") + text)

    def start(self, **environment):
        """Start a build and return its process."""
        return subprocess.Popen(
            [sys.executable, "-m", "sphinx_lectures"],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed_interrupts,
        )

    def start_and_wait_for_a_cell(self):
        """Start a build and return its process once a page is running."""
        self.log.write_text("")
        process = self.start()
        while not self.log.read_text():
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)
        return process

    def build(self, **environment):
        """Build; return the exit code, what was printed, and which pages ran, sorted."""
        self.log.write_text("")
        process = self.start(**environment)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said, sorted(self.log.read_text().split())

    def runs(self, *pages, **environment):
        """Build, which succeeds and runs these pages alone, in alphabetical order; what is said."""
        code, said, runs = self.build(**environment)
        assert (code, runs) == (0, list(pages)), said
        return said

    def fails(self, *pages, **environment):
        """Build, which fails and runs these pages alone; what is said."""
        code, said, runs = self.build(**environment)
        assert (code, runs) == (2, list(pages)), said
        return said

    def kernels(self):
        """Ids of the processes in which pages of this site run."""
        return [
            process.pid
            for process in psutil.process_iter(["cwd", "cmdline"])
            if process.info["cwd"] == str(self.folder)
            and "ipykernel" in str(process.info["cmdline"])
        ]

    def wait_until_no_kernel_is_left(self, seconds=15):
        """An ordinary kernel looks once a second whether who started it is still there."""
        end = time.monotonic() + seconds
        while self.kernels():
            assert time.monotonic() < end, "a kernel goes on after its build"
            time.sleep(0.1)

    def published(self):
        """Every published file with a hash of its content."""
        root = self.folder / "_build" / "html"
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def text(self, name):
        return (self.folder / "_build" / "html" / name).read_text(encoding="utf-8")

    def html(self, name):
        return self.text(f"{name}.html")


def site_in(folder):
    """Two pages: `a` imports the library module `waves` (which imports `base`), `b` does not."""
    site = Site(folder / "a site")  # with a space in its path
    site.write("conf.py", CONF)
    site.write("references.bib", "@book{Known2000, title={T}, author={A. U. Thor}, year={2000}}")
    site.write("requirements.lock", "numpy==1\n")
    site.write("matplotlibrc", "lines.linewidth: 2\n")
    site.write("numbers.txt", "1 2 3\n")
    site.write("src/base.py", "UNIT = 1\n")
    site.write("src/waves.py", "from base import UNIT\n\n\ndef wave():\n    return 41 + UNIT\n")
    site.write("index.md", "# Site\n\n```{toctree}\na\nb\n```\n")
    site.page("a", "from waves import wave\nprint(wave())")
    site.page("b", 'print(open("numbers.txt").read())')
    return site


@pytest.fixture(scope="session")
def make_site():
    """Make a site of two pages in a folder."""
    return site_in


@pytest.fixture
def site(tmp_path):
    """Two pages: see `site_in`."""
    return site_in(tmp_path)


@pytest.fixture
def built(site):
    """The same site after a first good build."""
    site.runs("a", "b")
    return site


@pytest.fixture
def root():
    """The folder of the project."""
    return Path(__file__).resolve().parents[2]
