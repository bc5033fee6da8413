"""What a page holds for the search, and the index made of it."""

import json

import pytest

from sphinx_lectures.search.index import counted, index_of, words
from sphinx_lectures.search.pages import LABEL, Entry, formula_name, read_page

PAGE = """<html><head><meta name="description" content="What it is about."></head><body>
<nav>Elsewhere</nav><article class="bd-article">
<section id="one-page"><h1>One page<a class="headerlink" href="#one-page">#</a></h1>
<p>First of all. The state <math><msub><mi>h</mi><mi>t</mi></msub><mo>=</mo><mi>x</mi>
</math> is kept.</p><pre>code()</pre>
<section id="part"><h2>A part</h2><p>Its <em>words</em>.</p>
<div class="math" id="equation-eq-page-spectral-radius"><math><mi>b</mi></math></div>
<div id="equation-other"></div>
<details class="admonition solution"><p>secret</p></details><p>After it.</p></section>
<dl class="glossary"><dt id="term-gate">gate</dt><dd><p>It opens.</p></dd>
<dt id="term-cell">cell</dt><dd>It <b>keeps</b>.</dd></dl>
<dl class="py function"><dt class="sig" id="lib.run"><span>lib.</span><span>run</span>(x)</dt>
<dd><p>Runs.</p></dd></dl>
<p>Last of all.</p>
</section></article><footer>Below</footer></body></html>"""


@pytest.fixture
def entries():
    return read_page(PAGE, r"eq-[a-z]+-(.+)")


def test_page_has_an_entry_for_each_place_that_can_be_found(entries):
    assert [entry[:3] for entry in entries] == [
        ("page", "", "One page"),
        ("section", "part", "A part"),
        ("formula", "equation-eq-page-spectral-radius", "spectral radius"),
        ("term", "term-gate", "gate"),
        ("term", "term-cell", "cell"),
        ("object", "lib.run", "lib.run"),
    ]


def test_text_stands_with_its_place_and_begins_with_the_description(entries):
    said = [entry.sentences for entry in entries]
    assert said[0] == [
        "What it is about.",
        "First of all.",
        "The state h_t = x is kept.",
        "Last of all.",
    ]
    assert said[1] == ["Its words.", "After it."]
    assert said[3:] == [["It opens."], ["It keeps."], ["Runs."]]


def test_code_solutions_and_what_surrounds_the_page_are_left_out(entries):
    text = str(entries)
    assert not [word for word in ("secret", "code()", "Elsewhere", "Below", "#'") if word in text]


def test_page_without_a_title_has_nothing_to_find():
    assert read_page("<html><body><article class='bd-article'><p>x</p></article></html>") == []


def test_formula_has_the_name_in_its_label_unless_nobody_gave_it_that():
    made_up = "equation-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
    anchors = ["equation-eq-a-name", "equation-other", made_up, "eq-section"]
    assert [formula_name(anchor, LABEL) for anchor in anchors] == ["a name", "other", "", ""]


def test_words_are_small_and_parts_of_names_count_too():
    assert words("Ünïts of GRU_cell, ﬁt") == ["ünïts", "of", "gru_cell", "gru", "cell", "fit"]


def test_index_holds_the_forms_of_a_word_and_where_they_stand(entries):
    pages = [("a/page", "a/page.html", entries, [counted(entry) for entry in entries])]
    known = {"same": [["x", "y"]], "also": {"a/page": ["other name"]}, "weight": {"a/*": 0.5}}
    index = json.loads(index_of(pages, known))
    assert index["pages"] == [["a/page", "a/page.html", 0.5, ["other name"]]]
    assert index["entries"][1] == [0, "s", "part", "A part"]
    assert index["same"] == [["x", "y"]]
    table = dict(map(tuple, index["words"]))
    assert table["state"] == "0" and table["opens"] == "3" and table["name"] == ""
    assert table["kept"] == "0" and table["keeps"] == "4"


def test_index_says_where_a_word_stands_often():
    entry = Entry("page", "", "P", ["one gate.", "Two gates.", "Three gates.", "Four gates"])
    pages = [("p", "p.html", [entry], [counted(entry)])]
    table = dict(map(tuple, json.loads(index_of(pages, {}))["words"]))
    assert table["gate gates"] == "0.."
