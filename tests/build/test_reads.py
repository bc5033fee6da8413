"""Whatever a page reads while it runs, found or not, has it run again when that changes."""

import os
import time

import pytest

from sphinx_lectures.execution import reads
from sphinx_lectures.execution.reads import World

#: For each way to read something: the code of a page, the files that are there at first, and those
#: that are written before the second build (None: deleted).
WAYS = {
    "helper": ("import helper; print(helper.N)", {"helper.py": "N = 1"}, {"helper.py": "N = 22"}),
    "inserted": (
        "import sys; sys.path.insert(0, 'code')\nimport inner; print(inner.N)",
        {"code/inner.py": "N = 1"},
        {"code/inner.py": "N = 22"},
    ),
    "importlib": (
        "import importlib; print(importlib.import_module('la' + 'zy').N)",
        {"src/lazy.py": "N = 1"},
        {"src/lazy.py": "N = 22"},
    ),
    "late": (
        "from late import n; print(n())",
        {"src/late.py": "def n():\n    import later\n    return later.N", "src/later.py": "N = 1"},
        {"src/later.py": "N = 22"},
    ),
    "run": ("%run script.py", {"script.py": "print(1)"}, {"script.py": "print(22)"}),
    "package_data": (
        "import pack; print(pack.text())",
        {
            "src/pack/__init__.py": "from pathlib import Path\ndef text():\n"
            "    return (Path(__file__).parent / 'data' / 'n.txt').read_text()",
            "src/pack/data/n.txt": "1",
        },
        {"src/pack/data/n.txt": "22"},
    ),
    "library": (  # names a file relative to the folder of the page
        "import reader; print(reader.text())",
        {
            "src/reader.py": "def text():\n    return open('n_' + 'lib.txt').read()",
            "n_lib.txt": "1",
        },
        {"n_lib.txt": "22"},
    ),
    "formatted": ("n = 7; print(open(f'n{n}.txt').read())", {"n7.txt": "1"}, {"n7.txt": "22"}),
    "joined": (
        "from pathlib import Path; print((Path('data') / 'j.txt').read_text())",
        {"data/j.txt": "1"},
        {"data/j.txt": "22"},
    ),
    "globbed": (
        "from glob import glob; print(sorted(glob('globbed_data/*')))",
        {"globbed_data/a.txt": "1"},
        {"globbed_data/b.txt": "1"},
    ),
    "listed": (
        "import os; print(sorted(os.listdir('listed_data')))",
        {"listed_data/a.txt": "1", "listed_data/b.txt": "1"},
        {"listed_data/b.txt": None},
    ),
    "absent": ("import os; print(os.path.exists('not.txt'))", {}, {"not.txt": "1"}),
    "not_found": (
        "try:\n    print(open('maybe.txt').read())\nexcept OSError:\n    print('no')",
        {},
        {"maybe.txt": "1"},
    ),
    "optional": (
        "try:\n    import extra\nexcept ImportError:\n    print('no')",
        {},
        {"src/extra.py": "print('yes')"},
    ),
    "shadowed": (
        "import shade; print(shade.N)",
        {"src/shade.py": "N = 1"},
        {"shade.py": "N = 22"},
    ),
    "linked": ("print(open('link/n.txt').read())", {"real/n.txt": "1"}, {"real/n.txt": "22"}),
    "older": ("print(open('older.txt').read())", {"older.txt": "1"}, {"older.txt": "22"}),
    "same_time": ("print(open('same.txt').read())", {"same.txt": "1"}, {"same.txt": "2"}),
    "outside": (
        "print(open('../outside.txt').read())",
        {"../outside.txt": "1"},
        {"../outside.txt": "22"},
    ),
    "edited": (
        "from pathlib import Path; made = Path('edited.txt')\n"
        "made.exists() or made.write_text('1')\nprint(made.read_text())",
        {},
        {"edited.txt": "22"},
    ),
    "made": ("open('made.txt', 'w').write('1'); print(1)", {}, {"made.txt": None}),
    "variable": ("import os; print(os.environ.get('MODE'))", {}, {}),
    "library_variable": (
        "import mode; print(mode.MODE)",
        {"src/mode.py": "import os\nMODE = os.getenv('MODE')"},
        {},
    ),
}

TEMPORARY = """import pathlib, shutil, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "n.txt.part").write_text("1")
(folder / "n.txt.part").replace(folder / "n.txt")
print((folder / "n.txt").read_text())
shutil.rmtree(folder)"""


@pytest.fixture(scope="module")
def ways(tmp_path_factory, make_site):
    """A site with a page for each way, built; then everything changes."""
    site = make_site(tmp_path_factory.mktemp("reads"))
    site.list_every_page()
    os.symlink("real", site.folder / "link")
    for name, (code, files, _) in WAYS.items():
        site.page(name, code)
        for file, text in files.items():
            site.write(file, text)
    os.utime(site.folder / "same.txt", (1e9, 1e9))
    return site


def test_what_a_page_reads_has_it_run_again_and_nothing_else_does(ways):
    ways.runs(*sorted(["a", "b", *WAYS]), MODE="one")
    ways.runs(MODE="one")
    ways.write("nobody_reads.txt", "1")
    ways.write("src/nobody_imports.py", "1")
    ways.runs(MODE="one")
    for _, _, files in WAYS.values():
        for file, text in files.items():
            if text is None:
                (ways.folder / file).unlink()
            else:
                ways.write(file, text)
    for file in ("older.txt", "same.txt"):
        os.utime(ways.folder / file, (1e9, 1e9))
    ways.runs(*sorted(WAYS), MODE="two")
    assert "yes" in ways.html("optional")
    for name, (_, _, files) in WAYS.items():
        if any("22" in (text or "") for text in files.values()):
            assert "22" in ways.html(name), name
    ways.runs(MODE="two")


def test_the_text_of_a_page_counts_and_not_its_time(built):
    built.edit("a.md", "Some prose.", "Some older prose.")
    os.utime(built.folder / "a.md", (1e9, 1e9))
    built.runs()
    assert "Some older prose." in built.html("a")


def test_a_file_that_is_edited_while_a_page_reads_it_fails_the_build(site):
    site.page("b", 'import time; print(open("numbers.txt").read()); time.sleep(3)')
    process = site.start_and_wait_for_a_cell()
    time.sleep(1.5)
    site.write("numbers.txt", "4 5 6 7\n")
    said, _ = process.communicate(timeout=60)
    assert process.returncode and "numbers.txt changed while the site was being built" in said


def test_another_version_of_a_package_counts(monkeypatch, tmp_path):
    def version(installed):
        monkeypatch.setattr(reads, "_installed", lambda: installed)
        return World(tmp_path, {}).state("package", "some_package")

    one = version({"some-package": "some_package-1.0.dist-info"})
    assert version({"some-package": "some_package-1.1.dist-info"}) != one
    unknown = version({"other": "other-1.0.dist-info"})
    assert version({"other": "other-1.1.dist-info"}) != unknown


def test_a_page_may_write_read_and_delete_files_of_its_own(built):
    built.page("b", TEMPORARY)
    built.runs("b")
    built.runs()
