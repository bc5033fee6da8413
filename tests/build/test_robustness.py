"""``make robust`` runs pages in variations and counts how often each claim held."""

import subprocess
import sys

import numpy as np
import pytest
from robustness.claims import Claim, is_robust, table
from robustness.variations import DRAW, LAST_BIT, PROCESSOR, Variation

CODE = """import numpy as np
drawn = np.random.default_rng(0).normal()
```

```{{code-cell}} ipython3
:tags: [finding]

assert drawn == {drawn!r}, "the page says that it draws this number"
assert abs(drawn) < 100, "the page says that it is a small number"
```

```{{code-cell}} ipython3
{last}"""
LINE = 23


@pytest.fixture
def robust(site, root):
    """A function that runs a page in some variations: exit code, what is said, how often it ran."""
    site.edit("index.md", "b\n", "")
    (site.folder / "b.md").unlink()

    def run(*variations, last="drawn", edited=("", "")):
        site.page("a", CODE.format(drawn=np.random.default_rng(0).normal(), last=last))
        site.edit("a.md", *edited)
        site.log.write_text("")
        command = [sys.executable, root / "tools" / "robust.py", "--variations", *variations]
        done = subprocess.run(
            command, cwd=site.folder, env=site.environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr, len(site.log.read_text().split())

    return run


def test_claims_are_counted_by_page_and_line_and_what_has_run_is_kept(robust, site):
    code, said, runs = robust("native", "draw_1", "draw_2")
    assert (code, runs) == (1, 3), said
    assert f"a.md:{LINE}  +  -  -        1/1       0/0   0/2  <" in said
    assert "2 of 3 claims held in every run." in said
    assert not list((site.folder / "_build").glob("outputs/*"))
    code, again, runs = robust("native", "draw_1", "draw_2")
    assert (code, runs) == (1, 0)
    assert said.endswith(again[again.index("Columns:") :])
    assert robust("native")[::2] == (0, 0)


def test_a_last_bit_is_enough_to_fail_and_a_page_that_raises_is_a_claim_too(robust):
    code, said, runs = robust("last_bit_1", "draw_1", last='assert drawn > 0, "a formula"')
    drawn = np.random.default_rng([1, 0]).normal()
    assert (code, runs) == (1, 2), said
    assert f"a.md:{LINE}" + " " * (4 if drawn < 0 else 0) + "  -  -" in said
    assert ("a.md:runs  +  -" in said) == (drawn < 0)


def test_what_is_wrong_with_a_page_is_said_with_its_line_and_nothing_runs(robust):
    code, said, runs = robust("native", edited=("assert drawn ==", "level = 1\nassert drawn =="))
    assert (code, runs) == (1, 0)
    assert f"a.md:{LINE}: a cell tagged 'finding' holds assertions alone" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("kind", "held", "enough"),
    [(PROCESSOR, 9, False), (LAST_BIT, 9, False), (DRAW, 9, True), (DRAW, 8, False)],
)
def test_processors_must_agree_and_nine_draws_of_ten(kind, held, enough):
    assert is_robust({kind: ["+"] * held + ["-"] * (10 - held)}) is enough
    assert is_robust({kind: ["+"] * held + [" "] * (10 - held)})


def test_the_table_shows_what_ever_failed_and_counts_only_what_is_known():
    kinds = enumerate((PROCESSOR, DRAW, DRAW))
    variations = [Variation(f"v{k}", kind, {}, frozenset()) for k, kind in kinds]
    outcomes = {
        Claim("a.md", 3): {"v0": "+", "v1": "-", "v2": " "},
        Claim("a.md", None): {"v0": "+", "v1": "+", "v2": "+"},
    }
    *_, row, last = table(outcomes, variations)
    assert row.split() == ["a.md:3", "+", "-", "1/1", "0/0", "0/1", "<"]
    assert last == "1 of 2 claims held in every run."
