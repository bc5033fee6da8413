"""A stranger who has only the built site gets the library from it, and runs a notebook."""

import filecmp
import os
import re
import subprocess
import sysconfig
import tarfile
import venv
import zipfile

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import expect

INSTALL = re.compile(r'pip install "([^"\[]*?)(?:\[([a-z,]+)\])?( @ [^"]+)?"')


@pytest.fixture(scope="module")
def wheel(site):
    (wheel,) = (site / "_files").glob("*.whl")
    return wheel


@pytest.fixture
def downloads(context, server, tmp_path):
    """A folder with what the links below the title of a small lecture save."""
    page = context(home=server, accept_downloads=True).new_page()
    page.goto(f"{server}lectures/recurrence.html")
    links = page.locator(".notebook-download a[download]")
    expect(links.first).to_be_visible()
    for link in links.all():
        with page.expect_download() as download:
            link.click()
        download.value.save_as(tmp_path / "saved" / download.value.suggested_filename)
    page.close()
    return tmp_path / "saved"


@pytest.fixture
def stranger(tmp_path):
    """Python of a new environment that has all of this one but the library, and no network."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = subprocess.check_output(asked, text=True).strip()
    others = tmp_path / "others"
    others.mkdir()
    for path in os.scandir(sysconfig.get_path("purelib")):
        if not re.search("unrolled|^pip|^_?_?editable", path.name):
            (others / path.name).symlink_to(path.path)
    with open(os.path.join(own, "others.pth"), "w", encoding="utf-8") as pth:
        pth.write(f"{others}\n")
    return python


def test_library_is_installed_from_beside_the_notebook_which_then_runs(downloads, stranger, wheel):
    names = sorted(path.name for path in downloads.iterdir())
    assert names == ["recurrence.ipynb", "recurrence_student.ipynb", wheel.name]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    missing = [stranger, "-c", "import unrolled"]
    assert subprocess.run(missing, capture_output=True, env=environment).returncode == 1
    notebook = nbformat.read(downloads / "recurrence.ipynb", 4)
    ask = "import unrolled; print(unrolled.__file__)"
    notebook.cells.append(nbformat.v4.new_code_cell(ask))
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(downloads)}})
    client.create_kernel_manager()
    command = [str(stranger), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client.km.kernel_spec.argv = command
    client.execute(
        env={**environment, "PIP_NO_INDEX": "1", "MPLBACKEND": "agg", "PYTHONNOUSERSITE": "1"}
    )
    said = notebook.cells[-1].outputs[0].text
    assert said.startswith(str(stranger.parents[1]))


def test_line_to_install_is_the_same_wherever_it_stands(site, pages, parse, wheel):
    found = set()
    for path in pages:
        for block in parse(path).select("article pre"):
            if "make" not in block.get_text():
                found |= set(INSTALL.findall(block.get_text()))
    for path in (site / "_notebooks").rglob("*.ipynb"):
        found |= set(INSTALL.findall(nbformat.read(path, 4).cells[0].source))
    assert {(name, address) for name, _, address in found} == {(f"./{wheel.name}", "")}
    assert {extras for _, extras, _ in found} == {"keras,figures", "notebooks"}


def test_reference_and_practical_page_link_the_library(site, parse, wheel):
    for name in ("docs/look_inside.html", "docs/api.html"):
        links = [a["href"] for a in parse(site / name).select("article a[href]")]
        assert f"{'../'}_files/{wheel.name}" in links, name


def test_library_is_the_one_of_which_the_pages_tell(site, wheel):
    root = site.parents[1]
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "dist-info" not in name]
        assert all(archive.read(name) == (root / "src" / name).read_bytes() for name in names)
    assert {name.partition("/")[0] for name in names} == {"unrolled"}
    assert any(name.endswith("sunspots.csv") or "sunspots" in name for name in names)


def test_source_archive_is_all_that_a_build_needs(site, tmp_path):
    (archive,) = (site / "_files").glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (copy,) = tmp_path.iterdir()
    done = subprocess.run(["make", "help"], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "make html" in done.stdout
    root = site.parents[1]
    for folder in ("src", "lectures", "docs", "tests", "tools"):
        compared = filecmp.dircmp(root / folder, copy / folder)
        assert not compared.right_only and not compared.diff_files
        assert all(re.search(r"^\.|__pycache__|egg-info", name) for name in compared.left_only)
    assert os.access(copy / ".ci" / "run", os.X_OK)
