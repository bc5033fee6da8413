"""Slides that are made of the lectures: ``{excerpt}`` shows what stands on another page.

A page that holds an excerpt is a set of slides: each of its sections is one. It reads like any page
without a script; slides.js shows one section at a time, and slides.css prints one on a sheet.
"""

from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from sphinx_lectures import SAFE, add_files
from sphinx_lectures.other_pages import follow, link_to

logger = logging.getLogger(__name__)
MARK = "excerpts"  #: in the metadata of a page: the labels of its excerpts


class excerpt(nodes.General, nodes.Element):
    """Where the figure or formula with the label `target` is to be shown."""


class Excerpt(SphinxDirective):
    """``{excerpt} label``: the figure or formula of that label, from whichever page it is on."""

    required_arguments = 1

    def run(self):
        node = excerpt(target=self.arguments[0])
        self.set_source_info(node)
        self.env.metadata[self.env.docname].setdefault(MARK, []).append(node["target"])
        return [node]


class ShowExcerpts(SphinxPostTransform):
    """Put a copy of what is shown in the place of each excerpt."""

    default_priority = 3  # before MyST-NB chooses among the formats of an output

    def run(self):
        pages, slides = {}, list(self.document.findall(_is_slide))
        if self.env.docname in _targets(self.env):
            for slide in slides:
                slide["classes"].append("slide")
        for number, node in enumerate(list(self.document.findall(excerpt)), 1):
            docname, name = _place(self.env, node["target"])
            if docname and docname not in pages:
                pages[docname] = self.env.get_doctree(docname)
            found = _found(pages[docname], name) if docname else None
            if found is None:
                words = "excerpt: there is no figure or formula with the label %r"
                logger.warning(words, node["target"], location=node)
                node.parent.remove(node)
            else:
                source = nodes.paragraph("", "From ", link_to(docname), classes=["excerpt-source"])
                node.replace_self([_copy(found, number), source])


def _is_slide(node):
    return isinstance(node, nodes.section) and isinstance(node.parent, nodes.section)


def _targets(env):
    """Labels of the excerpts on each page that has some."""
    return {name: known[MARK] for name, known in env.metadata.items() if MARK in known}


def _place(env, label):
    """Page and id of what has a label; empty if nothing has it."""
    equations = env.domains["math"].equations
    if label in equations:
        return equations[label][0], nodes.make_id(f"equation-{label}")
    return env.domains["std"].anonlabels.get(label, ("", ""))


def _found(doctree, name):
    kinds = nodes.figure, nodes.math_block
    return next((n for n in doctree.findall() if isinstance(n, kinds) and name in n["ids"]), None)


def _copy(found, number):
    """A copy that may stand on another page: without number and caption, with ids of its own."""
    copy = found.deepcopy()
    for node in [node for node in copy.findall() if isinstance(node, nodes.Element)]:
        node["ids"], node["names"] = [], []
        if "prefix" in node:  # of the ids in a drawing
            node["prefix"] = f"excerpt{number}-{node['prefix']}"
    if isinstance(copy, nodes.math_block):
        copy["label"] = copy["number"] = None
    for caption in list(copy.findall(nodes.caption)):
        caption.parent.remove(caption)
    return copy


def _sources(env):
    """For each page with excerpts, the pages of which it shows something."""
    return {
        docname: {_place(env, target)[0] for target in targets} - {""}
        for docname, targets in _targets(env).items()
    }


def setup(app):
    app.add_node(excerpt)
    app.add_directive("excerpt", Excerpt)
    app.add_post_transform(ShowExcerpts)
    follow(app, _sources)
    files = Path(__file__).with_name("slides.js")
    add_files(app, files, wanted=lambda app, name, doctree: name in _targets(app.env))
    return SAFE
