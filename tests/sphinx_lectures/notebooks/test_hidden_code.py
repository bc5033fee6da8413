"""Of hidden cells, a reader's copy keeps what visible cells need, and nothing else."""

import pytest

from sphinx_lectures.notebooks.hidden_code import needed

#: Programs as cells; those that begin with "# hidden" are hidden.
PROGRAMS = {
    "imports": [
        "# hidden\nimport math\nimport json\n\nfrom os.path import join, split",
        "total = math.floor(2.5)\nplace = join('a', 'b')",
    ],
    "checks": ["x = 3", "# hidden\nsquare = x**2\nassert square == 9", "total = x - 1"],
    "chain": [
        "# hidden\nbase = 2\nunused = 5\nheight = base + 1",
        "# hidden\nwidth = height * 2\nassert width == 6",
        "total = width",
    ],
    "rebound by a visible cell": ["# hidden\ncell = 1", "cell = 2\ntotal = cell"],
    "rebound by a hidden cell": ["x = 1", "# hidden\nx = 2", "total = x"],
    "changed in place": ["# hidden\nx = 1\nx += 1", "total = x"],
    "within a function": [
        "# hidden\ndef helper():\n    return scale\n\n\ndef other():\n    return 0",
        "def visible():\n    return helper() + offset",
        "# hidden\nscale = 2\noffset = 3\nfactor = 4",
        "total = visible()",
    ],
    "loop": [
        "values = [1, 2]",
        "# hidden\nfor name in values:\n    local = name + 1\n    assert local > name",
        "# hidden\nout = []\nfor value in values:\n    double = 2 * value\n    out += [double]",
        "name = 5\nlocal = 6\ntotal = [name, local, out]",
    ],
    "perhaps bound": ["x = 1", "# hidden\nif x > 5:\n    x = 2", "total = x"],
    "comprehension": ["# hidden\nn = 4\nk = 7", "total = [n * k for k in range(3)]"],
    "try": [
        "# hidden\ntry:\n    import no_such_module\nexcept ImportError as error:\n    found = 0",
        "total = found",
    ],
    "decorated": [
        "# hidden\nfrom functools import cache\n\n\n@cache\ndef f(x):\n    return x + 1",
        "total = f(1)",
    ],
    "function in a function": [
        "# hidden\ndef outer():\n    def inner():\n        return scale\n\n    return inner()",
        "# hidden\nscale = 2",
        "total = outer()",
    ],
    "left early": [
        "# hidden\nlimit = 3\nunused = 1",
        "found = []\nfor i in range(9):\n    if i == limit:\n        break\n    found.append(i)",
        "while True:\n    total = found\n    break",
    ],
    "from the future": [
        "# hidden\nfrom __future__ import annotations\nstep = 2",
        "def visible(x: int):\n    return x + step\n\n\ntotal = visible(1)",
    ],
    "lambda": ["# hidden\nstep = 2\nmove = lambda x: x + step", "total = move(1)"],
}


def cells(name):
    return [(source, not source.startswith("# hidden")) for source in PROGRAMS[name]]


def run(sources):
    names = {}
    for source in sources:
        exec(source, names)
    return names


@pytest.mark.parametrize("name", PROGRAMS)
def test_visible_cells_compute_the_same_without_the_rest(name):
    program = cells(name)
    copy = [source if visible else part
            for (source, visible), part in zip(program, needed(program), strict=True)]  # fmt: skip
    assert run(copy)["total"] == run(PROGRAMS[name])["total"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("imports", ["import math\n\nfrom os.path import join, split", ""]),
        ("checks", ["", "", ""]),
        ("chain", ["base = 2\n\nheight = base + 1", "width = height * 2", ""]),
        ("rebound by a visible cell", ["", ""]),
        ("rebound by a hidden cell", ["", "x = 2", ""]),
        ("within a function", ["def helper():\n    return scale", "", "scale = 2\noffset = 3", ""]),
        ("comprehension", ["n = 4", ""]),
    ],
)
def test_nothing_else_is_kept(name, kept):
    assert needed(cells(name)) == kept


def test_a_cell_that_is_not_python_does_not_keep_the_others_from_being_cut():
    cells = [("import math\nimport json", False), ("def", True), ("math.pi", True)]
    assert needed(cells) == ["import math", "", ""]


def test_loop_is_kept_for_what_it_binds_not_for_its_variables():
    kept = needed(cells("loop"))
    assert kept[1] == ""
    assert kept[2].startswith("out = []\nfor value")
