"""The extensions keep their promises in a build by Sphinx's own command, too."""

import subprocess
import sys


def sphinx(site, *arguments):
    """Build by ``python -m sphinx``; exit code and what was said."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", *arguments]
    done = subprocess.run(
        command, cwd=site.folder, env=site.environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_outputs_are_kept_out_of_the_site(site):
    for _ in range(2):
        code, said = sphinx(site, ".", "_build/html")
        assert code == 0, said
        in_site = {path.name for path in (site.folder / "_build" / "html").iterdir()}
        assert not in_site & {"outputs", "ipython"}
    assert "running" not in said


def test_the_settings_may_be_in_another_folder_than_the_pages(site):
    (site.folder / "settings").mkdir()
    for name in ("conf.py", "references.bib"):
        (site.folder / name).rename(site.folder / "settings" / name)
    code, said = sphinx(site, "-c", "settings", "-d", "_build/doctrees", ".", "_build/html")
    assert code == 0, said
    assert "1 2 3" in site.html("b")
    assert list((site.folder / "_build" / "outputs").glob("*.json"))  # beside the doctrees


def test_a_failing_page_fails_again_though_only_execution_is_loaded(site):
    others = '"sphinx_lectures.figures", "sphinx_lectures.rebuilds"'
    site.edit("conf.py", others, "")
    site.page("a", "1 / 0")
    for _ in range(2):
        code, said = sphinx(site, ".", "_build/html")
        assert code != 0
        assert "a.md:16: WARNING: code cell 2: raised ZeroDivisionError" in said
