"""A page on paper: light, numbered, without what only works on a screen; as hand-out or in full.

Two links below the title of a lecture print it as a hand-out, with room to write below exercises
and questions and with all solutions closed, or with all of them open. The same follows from
``?print=handout`` and ``?print=solutions`` in the address, also where no one is there to click.
"""

import json
from pathlib import Path

from docutils import nodes

from sphinx_lectures import SAFE, add_files, page_title
from sphinx_lectures.execution.page import is_notebook

LINKS = """\
<p class="print-links">Print: <a href="?print=handout">hand-out with room to write</a>
or <a href="?print=solutions">with solutions</a></p>
"""
HEAD = '<style media="print">@page {{ @top-left {{ content: {title} }} }}</style>\n'
NO_SCRIPT = "<noscript><style>.print-links { display: none }</style></noscript>\n"


def _offer(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    title = json.dumps(f"{app.config.project}: {page_title(app, pagename)}", ensure_ascii=False)
    context["metatags"] += HEAD.format(title=title.replace("<", r"\3c "))
    kinds, parts = {"exercise", "solution", "quiz"}, doctree.findall(nodes.Element)
    has_tasks = any(kinds & {*part.get("classes", ()), type(part).__name__} for part in parts)
    if has_tasks and is_notebook(Path(app.env.doc2path(pagename)).read_text("utf-8-sig")):
        context["metatags"] += NO_SCRIPT
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{LINKS}", 1)


def setup(app):
    files = Path(__file__).with_name("printing.js")
    add_files(app, files, wanted=lambda app, name, doctree: doctree is not None)
    app.connect("html-page-context", _offer, priority=450)  # below the link to the notebook
    return SAFE
