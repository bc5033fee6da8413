"""A sheet has all questions and no answer, its key all answers; both are made of the quizzes."""

import re

import pytest
import tiny_site

TOC = "# Site\n\n```{toctree}\nb\na\nquestions\nkey\n```\n"
A = """# Page A

```{quiz}
:name: quiz-four
How large is $2^2$?

- = 4 | four
  It is $2 \\cdot 2$, see {doc}`b`.
- ~ *
  Multiply, as in {eq}`eq-two`.
```

````{admonition} 1. Why is that so?
:class: exercise question

Give a reason.
````

````{admonition} A model answer
:class: solution
:collapsible: closed

Since two is two.
````

````{admonition} Exercise 2
:class: exercise

Not to be asked.
````
"""
B = """# Page B

$$ 1 + 1 = 2 $$ (eq-two)

```{quiz}
Which are even?

- [x] $2$
  Yes, {TWO}.
- [ ] three
  It is *odd*.
- [x] four
```
"""
SETTINGS = {
    "extensions": ["myst_parser", "sphinx_lectures.text", "sphinx_lectures.exercises"],
    "myst_enable_extensions": ["dollarmath"],
    "numfig": True,
}


@pytest.fixture
def build(tmp_path):
    """Build the site; the sheet and the key, parsed."""
    sheets = {f"{name}.md": f"# Q\n\n```{{{name}}}\n```\n" for name in ("questions", "key")}
    tiny_site.write(tmp_path, {"index.md": TOC, "a.md": A, **sheets})

    def build(two="it is two"):
        tiny_site.write(tmp_path, {"b.md": B.replace("{TWO}", two)})
        out, said = tiny_site.build(tmp_path, **SETTINGS)
        assert said == ""
        pages = [tiny_site.page(out, name) for name in ("questions", "key")]
        return [page.select_one(".quiz-sheet") for page in pages]

    return build


def words(element):
    return " ".join(element.get_text(" ").split())


def test_a_sheet_asks_everything_in_the_order_of_the_pages(build):
    sheet, _ = build()
    assert [words(h).rstrip(" #¶") for h in sheet.select("h2")] == ["Page B", "Page A"]
    names = [(words(link), link["href"]) for link in sheet.select(".sheet-name a")]
    assert names == [
        ("Question 1", "b.html#quiz-1"),
        ("Question 2", "a.html#quiz-four"),
        ("1. Why is that so?", "a.html#why-is-that-so"),
    ]
    assert [words(li) for li in sheet.select(".sheet-choices li")] == [
        "A. 2",
        "B. three",
        "C. four",
    ]
    assert "Choose all that apply." in words(sheet) and "Give a reason." in words(sheet)
    assert len(sheet.select(".sheet-line")) == len(sheet.select(".sheet-room")) == 1
    assert "Not to be asked" not in words(sheet)


def test_a_sheet_tells_no_answer(build):
    sheet, _ = build()
    assert not re.search("Right|Wrong|odd|Multiply|Since", str(sheet))
    assert not sheet.select("input, form, details, [data-accept], [data-right]")


def test_a_key_says_what_is_right_and_why_the_rest_is_wrong(build):
    _, key = build()
    choice, fill, essay = key.select(".sheet-item")
    assert words(choice).startswith("Question 1 A. 2 C. four Right. Yes, it is two.")
    assert "Wrong. It is odd ." in words(choice) and len(choice.select("ol[type=A] > li")) == 3
    assert "Right: 4 , four It is" in words(fill)
    assert "Since two is two." in words(essay)
    assert not key.select("[data-accept], [data-right]")


def test_references_lead_from_the_key_where_they_lead_from_their_page(build):
    _, key = build()
    links = {words(link): link["href"] for link in key.select("li a")}
    assert links == {"Page B": "b.html", "(1)": "b.html#equation-eq-two"}
    assert "as in (1) of Page B ." in words(key)


def test_sheets_are_styled_and_items_can_be_linked(build, tmp_path):
    sheet, key = build()
    for page in (sheet, key):
        assert [item["id"] for item in page.select(".sheet-item")] == [
            *("quiz-1", "quiz-four", "why-is-that-so")
        ]
    html = (tmp_path / "out/key.html").read_text(encoding="utf-8")
    assert "sheet.css" in html and "quiz.js" not in html


def test_a_key_follows_a_quiz_that_was_edited(build):
    build()
    assert "Yes, an even one." in words(build("an even one")[1])
