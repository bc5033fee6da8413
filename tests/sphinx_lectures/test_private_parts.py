"""What the extensions touch of other packages without a promise is listed, and still there."""

import ast
import importlib
import inspect
import re
from importlib.metadata import packages_distributions, version
from pathlib import Path
from pkgutil import resolve_name

import pytest

import sphinx_lectures

FOLDER = Path(sphinx_lectures.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
#: Undocumented, though no underscore says so.
UNDER_WATCH = re.compile(
    r"load_mime_renders|get_cell_level_config|toc_fignumbers|nb_element|add_fignumber"
    r"|files_to_rebuild|add_permalink_ref|NAMESPACE|patch_docutils|MockFinder"
)
OWN = re.compile(r"self|cls|super\(\)|os")


def listed():
    """All lists of private parts, by the module that has them."""
    for path in MODULES:
        if re.search(r"^PRIVATE\b", path.read_text(encoding="utf-8"), re.M):
            name = ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts)
            yield name, importlib.import_module(name).PRIVATE


LISTED = dict(listed())


def is_there(name):
    """Whether a package has a module, function, class or method, or a class sets an attribute."""
    try:
        resolve_name(name)
    except (AttributeError, ImportError):
        owner, _, attribute = name.rpartition(".")
        try:
            source = inspect.getsource(resolve_name(owner))
        except (AttributeError, ImportError, TypeError):
            return False
        return bool(re.search(rf"\b(self\.)?{attribute}\b *[:=]", source))
    return True


@pytest.mark.parametrize(
    ("module", "part"), [(module, part) for module, parts in LISTED.items() for part in parts]
)
def test_a_part_that_was_relied_on_is_still_there(module, part):
    package = part.partition(".")[0]
    installed = version(packages_distributions()[package][0])
    assert is_there(part), f"{package} {installed} has no {part}, which {module} uses"


def test_what_is_not_there_is_missed():
    assert not is_there("sphinx.application.Sphinx._no_such_thing")
    assert not is_there("sphinx.no_such_module.thing")


def test_a_folder_has_one_list_and_nothing_private_is_touched_elsewhere():
    folders = [name.rpartition(".")[0] for name in LISTED]
    assert len(set(folders)) == len(folders)
    names = {FOLDER.parent.joinpath(*name.split(".")).with_suffix(".py") for name in LISTED}
    found = []
    for path in set(MODULES) - names:
        text = path.read_text(encoding="utf-8")
        found += [f"{path.name}: {word}" for word in UNDER_WATCH.findall(text)]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
                owner = ast.unparse(node.value)
                if not OWN.fullmatch(owner) and node.attr not in ("_asdict", "_replace"):
                    found.append(f"{path.name}: {owner}.{node.attr}")
            if isinstance(node, ast.ImportFrom) and node.module:
                private = [a.name for a in node.names if re.match(r"_[a-z]", a.name)]
                found += [f"{path.name}: {node.module}.{name}" for name in private]
    assert not found
