"""The library that the pages call comes with the site: as a wheel, and as a source archive.

Both lie in one folder of the site, named after the library and its version as ``pyproject.toml``
gives them. ``{install}`` shows how to install the wheel, ``{published}`` links to either. If the
site knows its address (``html_baseurl``) the line to install names it, or else the file, which the
reader has downloaded; notebooks install from the file beside them, or from the site.
"""

import tomllib
from os.path import relpath
from pathlib import Path
from posixpath import basename
from typing import NamedTuple

from docutils import nodes
from sphinx.errors import ConfigError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.osutil import relative_uri

from sphinx_lectures import SAFE, full_address
from sphinx_lectures.downloads.archives import source_archive, wheel

logger = logging.getLogger(__name__)

FOLDER = "_files"  #: of the site
CELL = """\
# Installs {name} unless it is there: from the file beside this notebook{or_site}
import os
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices need no threads
if not find_spec("{name}"):
    wheel = "{file}"
    near = [path for path in (Path(wheel), Path("{folder}", wheel)) if path.exists()]
    {address}
    extras = "" if all(map(find_spec, {imported})) else "{extras}"
    %pip install --quiet "{name}{{extras}} @ {{address}}"
"""
ONLY_NEAR = """\
assert near, f"put {wheel}, which the page offers, beside this notebook"
    address = near[0].resolve().as_uri()"""
OR_FROM_SITE = 'address = near[0].resolve().as_uri() if near else "{address}"'


class Library(NamedTuple):
    """What is published: the name and version of the library, and its two files in the site."""

    name: str
    version: str
    wheel_address: str  #: empty where the site does not know its own

    @property
    def wheel(self):
        return f"{FOLDER}/{self.name}-{self.version}-py3-none-any.whl"

    @property
    def source(self):
        return f"{FOLDER}/{self.name}-{self.version}.tar.gz"

    def install_line(self, extras=""):
        """The command that installs the wheel with some extras, such as "keras,figures"."""
        extras = f"[{extras}]" if extras else ""
        if self.wheel_address:
            return f'pip install "{self.name}{extras} @ {self.wheel_address}"'
        return f'pip install "./{basename(self.wheel)}{extras}"'

    def install_cell(self, notebook, imported, extras="", address=""):
        """Code with which a notebook, at a place in the site, installs the library.

        The library comes with the `extras` unless all `imported` modules are there; `address` is
        where the wheel is to be had if the site does not know its own.
        """
        address = self.wheel_address or address
        return CELL.format(
            name=self.name,
            file=basename(self.wheel),
            folder=Path(relpath(FOLDER, Path(notebook).parent)).as_posix(),
            or_site=", or else from the site" if address else "",
            address=OR_FROM_SITE.format(address=address) if address else ONLY_NEAR,
            imported=[name for name in imported if name != self.name],
            extras=f"[{extras}]" if extras else "",
        )


def library_of(config):
    """The library that the site publishes; None if it publishes none."""
    known = getattr(config, "downloads_library", None)
    return Library(*known) if known else None


def _read_project(app, config):
    if not config.downloads_packages:
        return
    file = Path(app.confdir, "pyproject.toml")
    if not file.is_file():
        raise ConfigError(f"downloads_packages needs the name and version in {file}")
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    library = Library(project["name"], project["version"], "")
    config.downloads_library = [*library[:2], full_address(config, library.wheel)]


class Published(SphinxRole):
    """A link to the wheel or to the source archive."""

    def run(self):
        return [published_link(self.config, self.text)], []


def published_link(config, which):
    """A reference to the "wheel" or "source", named after the file."""
    file = getattr(library_of(config), which)
    name = nodes.literal("", basename(file))
    return nodes.reference("", "", name, refuri=file, published=True, internal=True)


class Install(SphinxDirective):
    """How to install the library, with the extras that its argument names."""

    optional_arguments = 1

    def run(self):
        library = library_of(self.config)
        line = library.install_line("".join(self.arguments))
        command = nodes.literal_block(line, line, language="console")
        file = published_link(self.config, "wheel")
        if library.wheel_address:
            alone = "To install it without a network, take the file with you: "
            after = nodes.paragraph("", alone, file, nodes.Text("."))
            return [nodes.paragraph("", "Run"), command, after]
        where = nodes.Text(", and in the folder in which you have saved it run")
        return [nodes.paragraph("", "Download ", file, where), command]


def _resolve(app, doctree, docname):
    """Links to published files lead there from where the page is."""
    for reference in doctree.findall(nodes.reference):
        if reference.get("published"):
            here = app.builder.get_target_uri(docname)
            reference["refuri"] = relative_uri(here, reference["refuri"])


def _publish(app, exception):
    library, root = library_of(app.config), Path(app.confdir)
    if exception or not library or app.builder.format != "html":
        return
    Path(app.outdir, FOLDER).mkdir(exist_ok=True)
    try:
        made = wheel(root, app.config.downloads_packages, Path(app.doctreedir, ".wheel"))
    except RuntimeError as error:
        logger.warning("the wheel cannot be made: %s", error, type="lectures", subtype="wheel")
        return
    folder = f"{library.name}-{library.version}"
    Path(app.outdir, library.wheel).write_bytes(made)
    archive = source_archive(root, app.config.downloads_source, folder)
    Path(app.outdir, library.source).write_bytes(archive)


def setup(app):
    app.add_config_value("downloads_packages", [], "env", types=[list])
    app.add_config_value("downloads_source", [], "", types=[list])
    app.add_config_value("downloads_library", [], "env", types=[list])
    app.add_role("published", Published())
    app.add_directive("install", Install)
    app.connect("config-inited", _read_project, priority=600)  # once the address is known
    app.connect("doctree-resolved", _resolve)
    app.connect("build-finished", _publish, priority=750)  # after `incremental` has kept the pages
    return SAFE
