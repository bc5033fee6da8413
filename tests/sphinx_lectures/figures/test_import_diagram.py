"""The picture of a project shows what its modules import."""

import pytest

from sphinx_lectures.figures.import_diagram import draw, rooms, rows


@pytest.fixture
def package(tmp_path):
    for name, text in {
        "__init__": "from house import attic",
        "attic": "import os\nfrom house.kitchen import stove, table\nfrom house import cellar",
        "kitchen/__init__": "",
        "kitchen/stove": "import house.cellar.oil\nfrom house.kitchen import table",
        "kitchen/table": "def lay():\n    from house import attic",
        "cellar": "",
    }.items():
        path = tmp_path / "house" / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    return tmp_path / "house"


def test_rooms_are_folders_and_modules_and_lead_to_what_they_import(package):
    assert rooms(package) == {"attic": ["cellar", "kitchen"], "cellar": [], "kitchen": ["cellar"]}


def test_each_room_stands_above_all_that_it_imports(package):
    assert rows(rooms(package)) == [["attic"], ["kitchen"], ["cellar"]]
    assert rows({name: [] for name in "abcd"}) == [["d"], ["a", "b", "c"]]


def test_rooms_that_import_each_other_are_drawn_all_the_same():
    assert rows({"a": ["b"], "b": ["a"]}) == [["a", "b"]]


def test_the_picture_names_rooms_and_has_an_arrow_for_each_import(package):
    svg = draw([package], 'A "house"')
    assert svg.count("<rect") == 3 and svg.count("url(#house-end)") == 3
    assert 'aria-label="A &quot;house&quot;"' in svg and ">kitchen</text>" in svg
