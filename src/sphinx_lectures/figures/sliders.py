"""A figure with a slider or a choice: its frames were drawn beforehand, and only changes travel.

A cell displays a bundle of the MIME type below: ``name`` of a parameter, ``kind`` ("number" or
"choice"), its ``values`` as text, the index of the ``default``, ``frames`` in SVG and ``tables`` of
the numbers behind them. The page shows the default frame as it shows any figure, and carries
for every other frame only the attributes and texts that differ; sliders.js puts them
in. Without scripts the default frame stands there, and the numbers in a closed box below it.
"""

import json
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

from sphinx_lectures import add_files
from sphinx_lectures.figures import private
from sphinx_lectures.figures.frames import changes
from sphinx_lectures.figures.svg import figure_of, inline_svg

logger = logging.getLogger(__name__)

MIME_TYPE = "application/vnd.explorable+json"
EXPONENT = re.compile(r"e([-+])0*(\d+)")
HTML_BUILDERS = ("html", "dirhtml", "singlehtml")


class explorable(nodes.General, nodes.Element):
    """A `bundle` of frames; its only child is the figure of the default one."""


class ExplorableRenderer:
    """Keeps the bundle in the page, and prefers it to the figure that notebooks show instead."""

    mime_priority_overrides = tuple((name, MIME_TYPE, 1) for name in HTML_BUILDERS)

    @staticmethod
    def handle_mime(renderer, data, inline):
        if data.mime_type != MIME_TYPE:
            return None
        frame = data.content["frames"][data.content["default"]]
        node = explorable("", figure_of(renderer, data, frame), bundle=data.content)
        private.set_place(renderer, data, node)
        return [node]


def _pack(app, doctree):
    """Replace the frames of each bundle by their changes, and drop what only others show."""
    for node in list(doctree.findall(explorable)):
        if app.builder.name in HTML_BUILDERS:
            private.show_alone(node)
        bundle = node["bundle"]
        frames = [inline_svg(svg, "", "", short=False) for svg in bundle["frames"]]
        node["bundle"] = {name: value for name, value in bundle.items() if name != "frames"}
        try:
            node["changes"] = changes(frames)
        except ValueError as error:
            message = "an explorable figure cannot change: %s"
            logger.warning(message, error, location=node, type="lectures", subtype="explorable")


def _visit(translator, node):
    bundle = node["bundle"]
    data = {"values": bundle["values"], "changes": node.get("changes", [])}
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    translator.body.append(f'<div class="explorable" data-kind="{bundle["kind"]}">')
    node[0].walkabout(translator)
    control = _control(bundle, f"{node[0]['prefix']}control")
    script = f'<script type="application/json">{packed}</script>'
    translator.body += [control, script, _numbers(bundle), "</div>"]
    raise nodes.SkipNode


def _control(bundle, name):
    default, words = bundle["default"], [escape(value) for value in bundle["values"]]
    label = f'<label for="{name}">{escape(bundle["name"])}</label>'
    if bundle["kind"] == "choice":
        options = (
            f"<option value={i}{' selected' * (i == default)}>{word}</option>"
            for i, word in enumerate(words)
        )
        control = f'<select id="{name}" autocomplete="off">{"".join(options)}</select>'
    else:
        control = (
            f'<input id="{name}" type="range" min="0" max="{len(words) - 1}" value="{default}" '
            f'autocomplete="off" aria-valuetext="{words[default]}">'
            f'<output for="{name}" aria-live="off">{words[default]}</output>'
        )
    return f'<div class="explorable-control">{label}{control}</div>'


def _numbers(bundle):
    tables = "".join(_table(bundle, table) for table in bundle["tables"])
    if not tables:  # bars, say: nothing that a box could hold
        return ""
    return f'<details class="explorable-numbers"><summary>Numbers</summary>{tables}</details>'


def _table(bundle, table):
    name, label = escape(bundle["name"]), escape(table["label"])
    head = "".join(f'<th scope="col">{escape(value)}</th>' for value in bundle["values"])
    rows = "".join(
        f'<tr><th scope="row">{_number(place)}</th>'
        + "".join(f"<td>{_number(value)}</td>" for value in values)
        + "</tr>"
        for place, *values in zip(table["places"], *table["columns"], strict=True)
    )
    return (
        f'<div class="explorable-table" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<caption>{label}, by {escape(table['x'])} (rows) and {name} (columns)</caption>"
        f'<thead><tr><th scope="col">{escape(table["x"])}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _number(value):
    if value is None:
        return ""
    text = EXPONENT.sub(lambda e: f"×10<sup>{e[1].strip('+')}{e[2]}</sup>", f"{value:.6g}")
    return text.replace("-", "\N{MINUS SIGN}")


def connect(app):
    app.add_node(explorable, html=(_visit, None))
    private.add_renderer(ExplorableRenderer)
    app.connect("doctree-read", _pack, priority=400)  # before `svg` looks for alternatives
    add_files(app, Path(__file__).with_name("sliders.js"), explorable)
