"""A measurement that comes out otherwise is news: published with a note, said, red only in CI."""

import pytest

from sphinx_lectures.execution.findings import TITLE

FINDING = """
```{{code-cell}} ipython3
:tags: [finding]

assert measured > 3, f"the page says that it is more than 3; here it is {{measured}} & *less*"
assert measured > 1, f"the page says that it is more than 1; here it is {{measured}}"
assert (
    measured > 2
), f"the page says that it is more than 2; here it is {{measured}}"
```

```{{code-cell}} ipython3
print("after", {after})
```
"""
FIRST, LAST = "more than 3; here it is {} & *less*", "more than 2; here it is {}"
LINE = 22  #: of the page's file, on which the first assertion stands


def page(site, measured, after="measured"):
    site.page("a", f"measured = {measured}")
    site.append("a.md", FINDING.format(after=after))


@pytest.fixture
def differs(site):
    """A built site on whose page two of three findings do not hold."""
    page(site, 1.5)
    site.said = site.runs("a", "b", CI="")
    return site


def summary(site):
    path = site.folder / "_build" / "findings.txt"
    return path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []


def test_the_page_is_published_with_a_note_for_what_does_not_hold(differs):
    html = differs.html("a")
    assert html.count(TITLE) == 1
    note = html[html.index("admonition") : html.index("after 1.5")]
    assert "The page says that it is more than 3; here it is 1.5 &amp; *less*." in note
    assert "The page says that it is more than 2; here it is 1.5." in note
    assert "more than 1" not in html
    assert "assert" not in html


def test_what_does_not_hold_is_listed_with_page_line_and_words_at_every_build(differs):
    expected = [
        f"a.md:{LINE}: the page says that it is {FIRST.format(1.5)}",
        f"a.md:{LINE + 2}: the page says that it is {LAST.format(1.5)}",
    ]
    assert summary(differs) == expected
    assert "_build/findings.txt" in differs.said
    differs.edit("b.md", "Some prose.", "Some better prose.")
    differs.runs(CI="")
    assert summary(differs) == expected
    differs.edit("a.md", "Some prose.", "Some prose.\n\nMore of it.")
    differs.runs(CI="")
    assert summary(differs)[0] == expected[0].replace(f":{LINE}:", f":{LINE + 2}:")


def test_in_ci_it_is_an_error_with_page_and_line_though_no_page_runs(differs):
    before = differs.published()
    for _ in range(2):
        said = differs.fails(CI="true")
        assert f"a.md:{LINE}: WARNING: {TITLE}: the page says that it is more than 3" in said
        assert differs.published() == before
    differs.runs(CI="")


def test_a_finding_that_holds_again_leaves_no_trace(differs):
    page(differs, 5)
    assert "findings.txt" not in differs.runs("a", CI="true")
    assert TITLE not in differs.html("a")
    assert summary(differs) == []


def test_a_removed_page_leaves_the_site_with_its_findings(differs):
    (differs.folder / "a.md").unlink()
    differs.edit("index.md", "a\n", "")
    differs.runs(CI="true")
    assert "a.html" not in differs.published()
    assert summary(differs) == []


def test_to_tag_a_cell_as_a_finding_runs_its_page(differs):
    differs.edit("a.md", ":tags: [finding]", ":tags: [remove-cell]")
    said = differs.fails("a", CI="")
    assert f"a.md:{LINE}: WARNING: code cell 3: raised AssertionError: the page says" in said


def test_a_mistake_in_a_cell_of_findings_is_an_error_with_its_line(differs):
    differs.edit("a.md", "assert measured > 1,", "x = 1\nassert measured > 1,")
    assert f"a.md:{LINE + 1}: WARNING: code cell 3:" in differs.fails(CI="")
    differs.edit("a.md", "x = 1\n", "")
    differs.edit("a.md", "more than 1; here it is {measured}", "more than 1; here {missing}")
    said = differs.fails("a", CI="")
    assert f"a.md:{LINE + 1}: WARNING: code cell 3: raised NameError" in said


def test_assertions_count_though_the_environment_asks_python_to_leave_them_out(site):
    site.page("a", "assert 1 + 1 == 3")
    assert "raised AssertionError" in site.fails("a", "b", PYTHONOPTIMIZE="1")
