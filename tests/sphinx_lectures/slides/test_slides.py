"""A slide shows what stands on another page, follows it, and complains of what is not there."""

import pytest
import tiny_site
from bs4 import BeautifulSoup

LECTURE = """# A lecture

```{{figure}} dot.png
:name: fig-dot
:alt: {alt}

A caption.
```

$$ a = b $$ (eq-first)

$$ c = d $$ (eq-second)
"""
SLIDES = """# Slides

## One

```{excerpt} fig-dot
```

## Two

```{excerpt} eq-second
```
"""
SETTINGS = {
    "extensions": ["myst_parser", "sphinx_lectures.text", "sphinx_lectures.slides"],
    "myst_enable_extensions": ["dollarmath"],
    "numfig": True,
}


@pytest.fixture
def build(tmp_path):
    """Build a site of a lecture and slides; the slides parsed, and what was warned of."""
    dot = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")
    (tmp_path / "dot.png").write_bytes(dot)
    (tmp_path / "index.md").write_text("# Site\n\n```{toctree}\nlecture\nslides\n```\n", "utf-8")

    def build(alt="A dot.", slides=SLIDES):
        (tmp_path / "lecture.md").write_text(LECTURE.format(alt=alt), encoding="utf-8")
        if not (tmp_path / "slides.md").exists():
            (tmp_path / "slides.md").write_text(slides, encoding="utf-8")
        out, said = tiny_site.build(tmp_path, **SETTINGS)
        html = (out / "slides.html").read_text(encoding="utf-8")
        return BeautifulSoup(html, "html.parser"), said

    return build


def test_an_excerpt_shows_figure_and_formula_and_says_where_they_are_from(build):
    page, warnings = build()
    assert warnings == ""
    one, two = page.select("section section")
    assert one.img["alt"] == "A dot." and "caption" not in one.get_text()
    assert one.select_one(".excerpt-source a")["href"] == "lecture.html"
    assert two.math.get_text(strip=True) == "c=d" and "(2)" not in two.get_text()
    assert two.select_one(".excerpt-source a")["href"] == "lecture.html"


def test_no_id_of_the_lecture_stands_on_the_slides(build):
    page, _ = build()
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids)) and not {"fig-dot", "equation-eq-second"} & set(ids)


def test_slides_follow_a_lecture_that_was_edited(build):
    build()
    assert build(alt="A small dot.")[0].img["alt"] == "A small dot."


@pytest.mark.parametrize("label", ["fig-none", "eq-none", "slides"])
def test_a_label_of_no_figure_or_formula_is_named_with_page_and_line(build, label):
    _, warnings = build(slides=f"# Slides\n\n## One\n\n```{{excerpt}} {label}\n```\n")
    assert (
        f"slides.md:5: WARNING: excerpt: there is no figure or formula with the label {label!r}"
        in warnings
    )


def test_only_slides_load_the_script(build, tmp_path):
    page, _ = build()
    lecture = BeautifulSoup((tmp_path / "out" / "lecture.html").read_text("utf-8"), "html.parser")
    sources = [[script.get("src") or "" for script in p.select("script")] for p in (page, lecture)]
    assert [any("slides.js" in s for s in found) for found in sources] == [True, False]
