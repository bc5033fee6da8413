"""The library comes with the site: made once, the same bytes each time, and easy to install."""

import subprocess
import sys
import tarfile
import zipfile
from io import BytesIO

import nbformat
import pytest
import tiny_site

from sphinx_lectures.downloads.archives import source_archive, wheel

ADDRESS = "https://example.org/some/where"
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "tiny"
version = "1.2"
readme = "README.md"
[project.optional-dependencies]
all = ["numpy"]
[tool.setuptools.packages.find]
where = ["src"]
"""
PAGE = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
mystnb: {execution_mode: "off"}
---
# One page

```{install} all
```

It is {published}`source`.

```{code-cell} ipython3
import json

import tiny

print(tiny.ANSWER)
```
"""
FILES = {
    "pyproject.toml": PROJECT,
    "README.md": "# Tiny\n",
    "LICENSE": "Do.\n",
    "src/tiny/__init__.py": "ANSWER = 42\n",
    "src/tiny/__pycache__/x.pyc": "",
    "src/other/__init__.py": "",
    "src/.secret": "",
    "private.txt": "",
    "index.md": "# Start\n\n```{toctree}\nfolder/page\n```\n",
    "folder/page.md": PAGE,
}
OURS = ("downloads", "sharing", "notebooks")
SETTINGS = {
    "extensions": ["myst_nb", *(f"sphinx_lectures.{name}" for name in OURS)],
    "exclude_patterns": ["out", "jupyter_execute", "README.md"],
    "project": "Tiny site",
    "downloads_packages": ["tiny"],
    "downloads_source": ["pyproject.toml", "index.md", "src"],
    "notebooks_extras": "all",
}
WHEEL = "tiny-1.2-py3-none-any.whl"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a site"
    tiny_site.write(folder, FILES)
    return folder


@pytest.fixture
def build(folder, monkeypatch):
    """Build the site, with or without addresses; return its folder."""

    def build(address="", repository="", **settings):
        monkeypatch.setenv("SITE_REPOSITORY", repository)
        out, said = tiny_site.build(folder, **SETTINGS, html_baseurl=address, **settings)
        assert said == ""
        return out

    return build


def page_of(site):
    return tiny_site.page(site, "folder/page")


def cells_of(site):
    return nbformat.read(site / "_notebooks/folder/page.ipynb", 4).cells


def test_wheel_holds_the_named_packages_and_can_be_imported(build):
    file = build() / "_files" / WHEEL
    names = zipfile.ZipFile(file).namelist()
    assert "tiny/__init__.py" in names
    assert not [name for name in names if "other" in name or "pyc" in name or "secret" in name]
    program = f"import sys; sys.path.insert(0, {str(file)!r}); import tiny; print(tiny.ANSWER)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "42\n"


def test_source_archive_holds_what_is_named_and_nothing_hidden(build):
    with tarfile.open(build() / "_files" / "tiny-1.2.tar.gz") as archive:
        assert archive.getnames() == [
            "tiny-1.2/index.md",
            "tiny-1.2/pyproject.toml",
            "tiny-1.2/src/other/__init__.py",
            "tiny-1.2/src/tiny/__init__.py",
        ]


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_permissions(folder, tmp_path):
    made = []
    for run in "one", "two":
        made.append(
            (wheel(folder, ["tiny"], tmp_path / run), source_archive(folder, ["src"], "tiny"))
        )
        (folder / "src/tiny/__init__.py").chmod(0o600)
        (folder / "src/tiny/__init__.py").touch()
    assert made[0] == made[1]


def test_wheel_is_made_again_only_if_a_file_of_it_changes(folder, tmp_path):
    kept = tmp_path / "kept"
    wheel(folder, ["tiny"], kept)
    (first,) = kept.iterdir()
    (folder / "src/other/__init__.py").write_text("x = 1\n")
    first.write_bytes(b"kept")
    assert wheel(folder, ["tiny"], kept) == b"kept"
    (folder / "src/tiny/__init__.py").write_text("ANSWER = 43\n")
    changed = wheel(folder, ["tiny"], kept)
    assert not first.exists()  # nor does one gather more and more of them
    assert zipfile.ZipFile(BytesIO(changed)).read("tiny/__init__.py") == b"ANSWER = 43\n"


def test_what_keeps_the_wheel_from_being_made_is_said(folder, tmp_path):
    (folder / "pyproject.toml").write_text(PROJECT.replace('"1.2"', '"one"'))
    with pytest.raises(RuntimeError, match="version"):
        wheel(folder, ["tiny"], tmp_path / "kept")


def test_page_links_the_files_and_shows_how_to_install(build):
    site = build()
    page = page_of(site)
    links = [a["href"] for a in page.select("a.reference[href*=_files]")]
    assert links == [f"../_files/{WHEEL}", "../_files/tiny-1.2.tar.gz"]
    assert all((site / "folder" / link).is_file() for link in links)
    line = f'pip install "./{WHEEL}[all]"'
    assert page.select_one("div.highlight-console pre").get_text().strip() == line
    assert line in cells_of(site)[0].source
    beside = page.select(".notebook-download a[download]")[-1]
    assert beside["href"] == f"../_files/{WHEEL}"


def test_line_to_install_names_the_address_of_the_site_if_it_has_one(build):
    build()
    site = build(ADDRESS)  # what was read of the pages before says another line
    line = f'pip install "tiny[all] @ {ADDRESS}/_files/{WHEEL}"'
    assert page_of(site).select_one("div.highlight-console pre").get_text().strip() == line
    assert line in cells_of(site)[0].source
    assert f'else "{ADDRESS}/_files/{WHEEL}"' in cells_of(site)[1].source


def test_first_cell_installs_from_beside_the_notebook_but_only_what_is_missing(build):
    cell = cells_of(build())[1].source
    assert cell.startswith("# Installs tiny unless it is there: from the file beside this notebook")
    assert 'Path("../../_files", wheel)' in cell
    assert "https:" not in cell and "assert near" in cell


def test_links_to_a_repository_are_there_only_if_it_is_known(build):
    repository = "https://github.com/some/name"
    assert not page_of(build()).select(".repository-links, a[href*=colab]")
    site = build(repository=repository)
    page = page_of(site)
    links = {a.get_text(): a["href"] for a in page.select(".repository-links a")}
    assert links["Edit this page"] == f"{repository}/edit/main/folder/page.md"
    assert links["Report an error"].startswith(f"{repository}/issues/new?title=One+page")
    (colab,) = page.select(".notebook-download a[href*=colab]")
    branch = "some/name/blob/notebooks/_notebooks/folder/page.ipynb"
    assert colab["href"] == f"https://colab.research.google.com/github/{branch}"
    raw = f"https://raw.githubusercontent.com/some/name/notebooks/_files/{WHEEL}"
    assert f'else "{raw}"' in cells_of(site)[1].source


def test_a_repository_elsewhere_offers_no_colab(build):
    page = page_of(build(repository="https://example.org/some/name/"))
    assert not page.select("a[href*=colab]")
    edit = page.select_one(".repository-links a")["href"]
    assert edit == "https://example.org/some/name/edit/main/folder/page.md"
