"""Figures stand in the page as SVG in its colours, each with an alternative text."""

import re

import pytest
from docutils import nodes

from sphinx_lectures import inline_svg as extension
from sphinx_lectures.inline_svg import inline_svg, svg_figure


def lines(ax):
    ax.plot([1, 2, 3], [1, 4, 9], label="measured")
    ax.axhline(5, color="black")
    ax.text(1, 6, "bold words", weight="bold", style="italic")
    ax.set(xlabel="time step", ylabel=r"$10^{-3}$")
    ax.legend()


def test_figure_has_a_role_an_alternative_text_and_a_size(draw):
    html = inline_svg(draw(lines), 'It "rises" & <grows>', "svg1-")
    opening = re.match("<svg [^>]*>", html)[0]
    assert 'role="img" aria-label="It &quot;rises&quot; &amp; &lt;grows&gt;"' in opening
    assert 'viewBox="0 0 403.2 244.8" width="538" height="326"' in opening


def test_prolog_metadata_comments_and_styles_are_gone(draw):
    html = inline_svg(draw(lines), "alt", "svg1-")
    for word in ("<?xml", "<!DOCTYPE", "<!--", "metadata", "<style", "xmlns", "xlink", "ns0"):
        assert word not in html


def test_text_stays_text_in_the_font_of_the_page(draw):
    html = inline_svg(draw(lines), "alt", "svg1-")
    assert re.search(r"<text[^>]*>time step</text>", html)
    assert "DejaVu" not in html
    assert "font-family" not in html and "font:" not in html
    assert "font-style: italic; font-weight: 700; font-size: 11px" in html


def test_black_follows_the_text_colour_and_white_the_background(draw):
    def plot(ax):
        lines(ax)
        ax.plot([1], [1], "o", color="white", markeredgecolor="black")

    html = inline_svg(draw(plot), "alt", "svg1-")
    assert "#000000" not in html and "#ffffff" not in html
    assert "stroke: currentColor" in html
    assert "fill: var(--pst-color-background, Canvas)" in html


def test_ids_of_two_figures_differ_and_references_follow(draw):
    svg = draw(lines)
    first, second = (inline_svg(svg, "alt", prefix) for prefix in ("svg1-", "svg2-"))
    ids = [set(re.findall(r'\bid="([^"]*)"', html)) for html in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    for html, known in zip((first, second), ids, strict=True):
        used = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', html))
        assert {a or b for a, b in used} == known


def test_the_same_figure_is_the_same_file(draw):
    assert draw(lines) == draw(lines)


def page_with(node, caption=None):
    document = nodes.document(None, None)
    figure = nodes.figure("", node)
    if caption:
        figure += nodes.caption("", caption)
    document += figure
    return document


@pytest.mark.parametrize(
    ("node", "caption", "complaint"),
    [
        (svg_figure(svg="", alt=""), "A caption.", "has no alternative text"),
        (svg_figure(svg="", alt="A  caption."), "A caption.", "only repeats its caption"),
        (svg_figure(svg="", alt="Two lines cross."), "A caption.", None),
        (svg_figure(svg="", alt="Two lines cross."), None, None),
        (nodes.image(uri="a.png"), "A caption.", "has no alternative text"),
        (nodes.image(uri="a.png", alt="A plan."), "A caption.", None),
    ],
)
def test_alternative_text_must_say_something_of_its_own(monkeypatch, node, caption, complaint):
    warnings = []
    monkeypatch.setattr(
        extension.logger, "warning", lambda message, location, **_: warnings.append(message)
    )
    extension._check(None, page_with(node.deepcopy(), caption))
    assert len(warnings) == (complaint is not None)
    assert all(complaint in warning for warning in warnings)
