"""Links from pages to the repository that they come from, if it is known: edit, report an error.

The address of the repository, such as ``https://github.com/owner/name``, comes from the environment
variable ``SITE_REPOSITORY``; without it there are no such links. For a repository on GitHub
notebooks can also be opened in Colab, which takes them from a branch of it: whoever publishes the
site pushes its notebooks there, in the folders of the site, with the wheel that they install.
"""

import os
import re
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

from sphinx.errors import ConfigError

from sphinx_lectures import full_address, page_title

GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")


def _read_address(app, config):
    address = os.environ.get("SITE_REPOSITORY", config.repository).rstrip("/").removesuffix(".git")
    if address and not address.startswith(("https://", "http://")):
        message = f"SITE_REPOSITORY must begin with https:// or http://, but is {address!r}"
        raise ConfigError(message)
    config.repository = address


def _on_github(config):
    """The owner and name of a repository on GitHub; empty if it is not there, or not known."""
    found = GITHUB.fullmatch(getattr(config, "repository", ""))
    return found[1] if found else ""


def colab_address(config, notebook):
    """Where a notebook of the site opens in Colab; empty if it cannot be opened there.

    >>> from types import SimpleNamespace as Config
    >>> config = Config(repository="https://github.com/a/b", repository_notebooks="n")
    >>> colab_address(config, "c.ipynb")
    'https://colab.research.google.com/github/a/b/blob/n/c.ipynb'
    """
    if name := _on_github(config):
        place = quote(f"{name}/blob/{config.repository_notebooks}/{notebook}")
        return f"https://colab.research.google.com/github/{place}"
    return ""


def raw_address(config, file):
    """Where a file of the branch for notebooks can be read; empty if there is no such place."""
    if name := _on_github(config):
        place = quote(f"{name}/{config.repository_notebooks}/{file}")
        return f"https://raw.githubusercontent.com/{place}"
    return ""


def _append(app, pagename, templatename, context, doctree):
    config, repository = app.config, app.config.repository
    if doctree is None or not repository:
        return
    source = Path(app.env.doc2path(pagename)).relative_to(app.confdir).as_posix()
    page = full_address(config, app.builder.get_target_uri(pagename)) or source
    report = {"title": f"{page_title(app, pagename)}: ", "body": f"Page: {page}\n\n"}
    offers = {
        "Edit this page": f"{repository}/edit/{quote(config.repository_branch)}/{quote(source)}",
        "Report an error": f"{repository}/issues/new?{urlencode(report)}",
        "Source": repository,
    }
    links = (f'<a href="{escape(address)}">{text}</a>' for text, address in offers.items())
    context["body"] += f'<p class="repository-links">{" · ".join(links)}</p>\n'


def connect(app):
    app.add_config_value("repository", "", "html", types=[str])
    app.add_config_value("repository_branch", "main", "html", types=[str])
    app.add_config_value("repository_notebooks", "notebooks", "html", types=[str])
    app.connect("config-inited", _read_address)
    app.connect("html-page-context", _append, priority=600)  # below what pages say of themselves
