"""What `exercises` touches of Sphinx and MyST-NB beyond their documented interfaces."""

from docutils import nodes

PRIVATE = (
    "myst_nb.core.render.NbElementRenderer",  # it marks cells as `is_cell` reads them
    "myst_nb.sphinx_.HideInputCells",  # it folds what has a "hide_mode"
    "sphinx.environment.BuildEnvironment._app",
    "sphinx.environment.BuildEnvironment.toc_fignumbers",
    "sphinx.writers.html5.HTML5Translator.add_fignumber",
)


def is_cell(node):
    """Whether a node holds the code of a cell; its "cell_index" says of which one."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def show_whole(cell):
    """A cell without a fold of its own."""
    cell.attributes.pop("hide_mode", None)
    return cell


def write_number(translator, node):
    """Write the number of a numbered thing, as captions do."""
    translator.add_fignumber(node)


def numbers(env):
    """The numbers of all quizzes, as text, by page and id, in the order of the site."""
    found = [
        (number, page, name)
        for page, kinds in env.toc_fignumbers.items()
        for name, number in kinds.get("quiz", {}).items()
    ]
    named = {}
    for number, page, name in sorted(found):
        named.setdefault(page, {})[name] = ".".join(map(str, number))
    return named


def link_to_question(env, docname, name, words):
    """A reference to a question of any page, from the one that is being written."""
    page = env._app.builder.get_relative_uri(env.current_document.docname, docname)
    return nodes.reference("", words, refuri=f"{page}#{name}", internal=True)
