"""How to cite a lecture: at its end, in a closed box, as a sentence and as BibTeX.

Author, project, release and year come from the site's settings, the title from the page.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import NamedTuple
from unicodedata import combining, normalize

from sphinx_lectures import add_style
from sphinx_lectures.execution.page import is_notebook
from sphinx_lectures.sharing.addresses import full_address, page_title

SPECIAL = re.compile(r"[&%$#_{}]")


class Citation(NamedTuple):
    """What is known of a page; what is not known is empty."""

    key: str  #: by which BibTeX knows it
    author: str
    year: str
    title: str
    site: str
    release: str
    address: str

    def sentence(self):
        """The citation as HTML."""
        year = f" ({self.year})" if self.year else ""
        release = f", version {escape(self.release)}" if self.release else ""
        parts = [
            f"{escape(self.author)}{year}.",
            f"{_closed(escape(self.title))} In: <em>{escape(self.site)}</em>{release}.",
        ]
        if self.address:
            parts.append(f'<a href="{escape(self.address)}">{escape(self.address)}</a>')
        return " ".join(parts)

    def bibtex(self):
        r"""The citation as an entry of BibTeX.

        Examples
        --------
        >>> print(Citation("site-page", "A & B", "2026", "One step", "Site", "", "").bibtex())
        @misc{site-page,
          author = {{A \& B}},
          title = {{One step}},
          year = {2026},
          note = {In: Site}
        }
        """
        release = f", version {self.release}" if self.release else ""
        fields = {
            "author": f"{{{_tex(self.author)}}}",  # in braces: not a first and a last name
            "title": f"{{{_tex(self.title)}}}",
            "year": self.year,
            "note": f"In: {_tex(self.site + release)}",
            "url": self.address,
        }
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        return f"@misc{{{self.key},\n" + ",\n".join(lines) + "\n}"


def _closed(sentence):
    return sentence if sentence.endswith((".", "?", "!")) else sentence + "."


def _tex(text):
    return SPECIAL.sub(r"\\\g<0>", text)


def citation_of(app, docname):
    """The citation of a page.

    Parameters
    ----------
    app : Sphinx
        The site.
    docname : str
        Name of the page.

    Returns
    -------
    Citation
        Its year is the last one that the copyright names.
    """
    config = app.config
    years = re.findall(r"\b\d{4}\b", str(config.copyright))
    return Citation(
        key=_key(f"{config.project} {docname.rpartition('/')[2]}"),
        author=config.author,
        year=max(years, default=""),
        title=page_title(app, docname),
        site=config.project,
        release=config.release,
        address=full_address(config, app.builder.get_target_uri(docname)),
    )


def _key(name):
    """Words with hyphens between them; letters lose their accents, which BibTeX does not know."""
    plain = "".join(c for c in normalize("NFKD", name.lower()) if not combining(c))
    return "-".join(re.findall(r"[^\W_]+", plain))


def _append(app, pagename, templatename, context, doctree):
    if doctree is None or not is_notebook(Path(app.env.doc2path(pagename)).read_text("utf-8-sig")):
        return
    citation = citation_of(app, pagename)
    context["body"] += (
        '<details class="cite-page">\n<summary>Cite this page</summary>\n'
        f"<p>{citation.sentence()}</p>\n"
        f'<div class="highlight"><pre>{escape(citation.bibtex(), quote=False)}</pre></div>\n'
        "</details>\n"
    )


def connect(app):
    add_style(app, Path(__file__).with_name("citation.css"))
    app.connect("html-page-context", _append)
