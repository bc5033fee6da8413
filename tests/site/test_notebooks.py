"""Every lecture can be taken away as a notebook, and the notebook runs by itself."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

LEFT_OVER = re.compile(r"\{[a-z:]+\}`|^:::|^`{3,}\{|\{glue|\]\(\)", re.MULTILINE)
IMAGES = {"image/png", "image/svg+xml"}
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


@pytest.fixture(scope="module")
def notebooks(site):
    """The notebook of every lecture, by the name of its page."""
    files = sorted((site / "_notebooks").rglob("*.ipynb"))
    return {file.stem: (file, nbformat.read(file, 4)) for file in files}


def test_every_lecture_offers_its_notebook(site, pages, parse, notebooks):
    offered = set()
    for page in pages:
        for link in parse(page).select(".notebook-download a[download]"):
            assert (page.parent / link["href"]).resolve().is_file()
            if link["href"].endswith(".ipynb"):
                offered.add(link["href"].rpartition("/")[2].removesuffix(".ipynb"))
    assert offered == set(notebooks) >= {"recurrence", "recurrence_student", "vanishing_exploding"}
    assert "index" not in notebooks


def test_notebooks_are_valid_and_clean(notebooks):
    for name, (file, notebook) in notebooks.items():
        nbformat.validate(notebook)
        assert "pip install" in notebook.cells[0].source, name
        for cell in notebook.cells:
            assert not cell.get("outputs"), name
            if cell.cell_type == "markdown":
                assert not LEFT_OVER.search(cell.source), f"{name}: {cell.source}"
            else:
                assert not re.search(r"\bglue\b|myst_nb", cell.source), f"{name}: {cell.source}"
        assert file.stat().st_size < 100_000


def test_notebooks_use_no_name_that_they_do_not_define(notebooks):
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821"]
    files = [file for file, _ in notebooks.values()]
    found = subprocess.run([*check, *files], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_notebook_runs_from_top_to_bottom_and_prints_what_the_page_shows(
    site, parse, notebooks, tmp_path
):
    _, notebook = notebooks["recurrence"]
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute(env={**os.environ, **ENVIRONMENT})
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    page = parse(site / "lectures" / "recurrence.html")
    shown = [pre.get_text().strip() for pre in page.select(".cell_output pre")]
    assert len(shown) > 8
    assert [text.strip() for output in outputs if (text := plain(output))] == shown
    figures = [output for output in outputs if IMAGES & set(output.get("data", ()))]
    assert len(figures) == len(page.select(".cell_output .figure-svg")) > 2


def plain(output):
    """What an output says if it is no figure."""
    if output.output_type == "stream":
        return output.text
    return output.data["text/plain"] if set(output.data) == {"text/plain"} else ""
