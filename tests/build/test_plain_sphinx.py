"""The extensions keep their promises in a build by Sphinx's own command, too."""

import subprocess
import sys

import pytest


@pytest.fixture
def sphinx(site):
    """A function that builds by ``python -m sphinx``; it returns exit code and what was said."""

    def build(*arguments):
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", *arguments]
        done = subprocess.run(
            command, cwd=site.folder, env=site.environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    return build


def test_outputs_are_kept_out_of_the_site(site, sphinx):
    for _ in range(2):
        code, said = sphinx(".", "_build/html")
        assert code == 0, said
        in_site = {path.name for path in (site.folder / "_build" / "html").iterdir()}
        assert not in_site & {"outputs", "ipython"}
    assert "running" not in said


def test_outputs_are_kept_beside_doctrees_that_are_not_in_the_site(site, sphinx):
    code, said = sphinx("-d", "_build/doctrees", ".", "_build/html")
    assert code == 0, said
    assert list((site.folder / "_build" / "outputs").glob("*.json"))


def test_the_settings_may_be_in_another_folder_than_the_pages(site, sphinx):
    (site.folder / "settings").mkdir()
    for name in ("conf.py", "references.bib"):
        (site.folder / name).rename(site.folder / "settings" / name)
    code, said = sphinx("-c", "settings", ".", "_build/html")
    assert code == 0, said
    assert "1 2 3" in site.html("b")


def test_a_failing_page_fails_again_though_only_execution_is_loaded(site, sphinx):
    others = '"sphinx_lectures.figures", "sphinx_lectures.rebuilds"'
    site.edit("conf.py", others, "")
    site.page("a", "1 / 0")
    for _ in range(2):
        code, said = sphinx(".", "_build/html")
        assert code != 0
        assert "a.md:16: WARNING: code cell 2: raised ZeroDivisionError" in said
