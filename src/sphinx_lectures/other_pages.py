"""What a page needs that shows parts of other pages: it follows them, and says where they are."""

import os
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util import docname_join


def link_to(docname):
    """A reference to a page, by its title."""
    link = pending_xref(refdomain="std", reftype="doc", reftarget=f"/{docname}", refexplicit=False)
    link += nodes.inline()
    return link


def absolute(part, env, docname):
    """Have a copy of a part of a page lead, from wherever it stands, where the part leads."""
    for node in part.findall(nodes.Element):
        node["ids"], node["names"] = [], []
    for link in list(part.findall(pending_xref)):
        link["refdoc"] = env.current_document.docname
        if link["reftype"] == "doc":
            link["reftarget"] = "/" + docname_join(docname, link["reftarget"])
        equation = env.domains.math_domain.equations.get(link["reftarget"])
        if link["reftype"] == "eq" and equation:  # they are numbered on each page
            link.replace_self([link, nodes.Text(" of "), link_to(equation[0])])
    for link in list(part.findall(nodes.reference)):
        if "refid" in link:  # leads to a place on the page that the part is of
            link.replace_self(link.children)


def follow(app, sources):
    """Read a page again when a page that it shows a part of has changed or is gone.

    `sources` gives, of an environment, for each page that shows parts of others their names.
    """

    def read_again(app, env, added, changed, removed):
        edited = added | changed | removed
        return [name for name, shown in sources(env).items() if edited & shown]

    def rest_on_sources(app, env):
        for name, shown in sources(env).items():
            for source in sorted(shown):
                doctree = Path(env.doctreedir, f"{source}.doctree")
                env.note_dependency(os.path.relpath(doctree, env.srcdir), docname=name)
        return []

    app.connect("env-get-outdated", read_again)
    app.connect("env-get-updated", rest_on_sources)
