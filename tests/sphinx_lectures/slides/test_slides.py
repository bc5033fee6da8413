"""A slide shows what stands on another page, follows it, and complains of what is not there."""

import pytest
import tiny_site

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
    tiny_site.write(tmp_path, {"index.md": "# Site\n\n```{toctree}\nlecture\nslides\n```\n"})

    def build(alt="A dot.", slides=SLIDES):
        tiny_site.write(tmp_path, {"lecture.md": LECTURE.format(alt=alt)})
        if not (tmp_path / "slides.md").exists():
            tiny_site.write(tmp_path, {"slides.md": slides})
        out, said = tiny_site.build(tmp_path, **SETTINGS)
        return tiny_site.page(out, "slides"), said

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
    assert page.select("script[src*='slides.js']")
    assert not tiny_site.page(tmp_path / "out", "lecture").select("script[src*='slides.js']")
