"""How long builds take against what is inevitable; whether two clean builds are the same bytes.

``python benchmarks/build.py`` builds copies of the site in a temporary folder, three times wholly
and three times in part, and prints one table. Only the ratios mean something elsewhere.
"""

from __future__ import annotations

import ast
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sphinx_lectures.execution.page import code_cells, read_notebook

ROOT = Path(__file__).resolve().parents[1]
PAGE = "lectures/recurrence.md"  #: which is edited
MODULE = "src/unrolled/spectra.py"  #: of the library, which is edited
SENTENCE = "\nA new sentence.\n"
TIMES = 3  #: so often are builds of seconds repeated: the shortest counts
SILENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
BARE = {
    "conf.py": 'extensions = ["myst_nb"]\nhtml_theme = "sphinx_book_theme"\n',
    "index.md": "# A site\n\nA sentence.\n",
}


class Copy:
    """A copy of the project in a folder of its own, where nobody else builds."""

    def __init__(self, folder):
        self.folder = folder
        hidden = shutil.ignore_patterns(".*", "_build", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT, folder, ignore=hidden)
        # Not a second installation: the packages of this one, with the copy's own library.
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        (folder / ".venv" / "installed").write_text(str(folder))

    def build(self, what):
        """Say what is measured and ``make html``; return the seconds."""
        print(f"\n{what}", flush=True)
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src")}
        return clock(["make", "--no-print-directory", "html"], self.folder, environment)

    def append(self, name, text):
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def forget(self):
        """Delete all that was built but the outputs of cells."""
        for part in (self.folder / "_build").iterdir():
            if part.is_dir() and part.name != "outputs":
                shutil.rmtree(part)

    def outputs(self):
        """How many outputs are kept."""
        return len(list((self.folder / "_build" / "outputs").glob("*.json")))

    def times(self):
        """Seconds that all pages, all cells, and all cells with nothing but imports took."""
        times = json.loads((self.folder / "_build/outputs/times.json").read_text(encoding="utf-8"))
        imports = 0
        for name, taken in times.items():
            text = (self.folder / f"{name}.md").read_text(encoding="utf-8")
            cells = [cell.source for _, cell in code_cells(read_notebook(text))]
            imports += sum(s for s, c in zip(taken["cells"], cells, strict=True) if imports_only(c))
        pages = sum(taken["page"] for taken in times.values())
        return pages, sum(sum(taken["cells"]) for taken in times.values()), imports

    def site(self):
        return self.folder / "_build" / "html"


def clock(command, folder, environment=None):
    """Run a command; return the seconds that it took."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}")
    return time.monotonic() - started


def imports_only(source):
    return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.parse(source).body)


def bare_build(folder):
    """Seconds in which Sphinx alone, with theme and MyST-NB, starts and writes one page."""
    folder.mkdir()
    for name, text in BARE.items():
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "sphinx", "-q", ".", "_build"]
    clock(command, folder)
    seconds = []
    for _ in range(TIMES):
        with (folder / "index.md").open("a") as page:
            page.write(SENTENCE)
        seconds.append(clock(command, folder))
    return min(seconds)


def edit_and_build(copy):
    copy.append(PAGE, SENTENCE)
    return copy.build("After an edited sentence")


def differences(one, other):
    """Files that two folders do not share byte for byte."""
    names = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    names |= {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    both = [name for name in names if (one / name).is_file() and (other / name).is_file()]
    return sorted(
        {str(name) for name in names - set(both)}
        | {str(n) for n in both if not filecmp.cmp(one / n, other / n, shallow=False)}
    )


def main():
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        print("The references: one import of Keras, and Sphinx alone", flush=True)
        keras = clock([sys.executable, "-c", "import keras"], work, {**os.environ, **SILENT})
        bare = bare_build(work / "bare")
        copy = Copy(work / "first copy")
        cold = copy.build("A cold build")
        pages, cells, imports = copy.times()
        unchanged = copy.build("Nothing changed")
        sentence = min(edit_and_build(copy) for _ in range(TIMES))
        kept = copy.outputs()
        copy.append(MODULE, "# A new comment.\n")
        library = copy.build("After an edited file of the library")
        again = copy.outputs() - kept
        copy.forget()
        cached = copy.build("All pages anew with the outputs that were kept")
        second = Copy(work / "another place" / "second copy")
        second.append(PAGE, TIMES * SENTENCE)
        second.append(MODULE, "# A new comment.\n")
        second.build("A second clean build, elsewhere")
        different = differences(copy.site(), second.site())

    ideal = cells / cores + keras
    rows = [
        (
            "cold build",
            cold,
            f"{cold / ideal:.2f} of (cells / {cores} cores + one import of TensorFlow)",
        ),
        ("  kernels' start", pages - cells, f"{(pages - cells) / pages:.0%} of the pages' time"),
        ("  imports", imports, f"{imports / pages:.0%} of the pages' time"),
        ("everything cached", cached, f"{cached / cold:.2f} of the cold build"),
        ("one edited sentence", sentence, f"{sentence / bare:.2f} of Sphinx alone, one page"),
        ("one edited library file", library, f"{library / cold:.2f} of cold; {again} pages ran"),
        ("nothing changed", unchanged, f"{unchanged / bare:.2f} of Sphinx alone, one page"),
    ]
    print(f"\n{'':24}{'seconds':>9}   ratio")
    for name, seconds, ratio in rows:
        print(f"{name:24}{seconds:9.1f}   {ratio}")
    print("\nTwo clean builds are", "the same bytes." if not different else "different:")
    print("\n".join(different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
