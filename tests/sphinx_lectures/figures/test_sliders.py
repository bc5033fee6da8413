"""A bundle of frames becomes one drawing, a native control, the changes and a table of numbers."""

import json
import re

import numpy as np
import pytest
import tiny_site
from bs4 import BeautifulSoup
from drawing import draw, show

from sphinx_lectures.figures.frames import changes
from sphinx_lectures.figures.sliders import MIME_TYPE
from sphinx_lectures.figures.svg_paths import shorten

ALT = "A curve falls."
STYLE = {"figure.figsize": (4, 3), "svg.hashsalt": "same", "svg.fonttype": "none"}


def frame(rate, title=""):
    def plot(ax):
        x = np.arange(10)
        ax.plot(x, rate**x)
        ax.fill_between(x, 0.9 * rate**x, rate**x, alpha=0.2)
        ax.set(xlim=(0, 9), ylim=(0, 1.1), title=title)

    return draw(plot, STYLE)


def bundle(**changed):
    return {
        "name": "rate <r>",
        "kind": "number",
        "values": ["0.5", "0.7", "0.9"],
        "default": 1,
        "frames": [frame(rate) for rate in (0.5, 0.7, 0.9)],
        "tables": [
            {
                "label": "size",
                "x": "step",
                "places": [0.0, 9.0],
                "columns": [[1.0, -1.95e-10], [1.0, None], [1.0, 0.387]],
            }
        ],
        **changed,
    }


@pytest.fixture
def build(tmp_path):
    """Build a site of one notebook that displays a bundle; its HTML, and what was warned of."""

    def build(bundle, alt=ALT, builder="html", file="index.html"):
        data = {MIME_TYPE: bundle, "image/svg+xml": frame(0.7), "text/plain": "<Explorable>"}
        figure = {"name": "fig-curve", "caption": "Move it."}
        text = "# Page\n\nSee {numref}`fig-curve`."
        show(tmp_path, data, text, image={"alt": alt}, figure=figure)
        tiny_site.write(tmp_path, {"other.md": "---\norphan: true\n---\n# Other"})
        settings = {"nb_execution_mode": "off", "numfig": True}
        extensions = ["myst_nb", "sphinx_lectures.figures"]
        out, said = tiny_site.build(tmp_path, extensions, builder, **settings)
        return (out / file).read_text(encoding="utf-8"), said

    return build


@pytest.fixture
def page(build):
    html, warnings = build(bundle())
    assert warnings == ""
    return BeautifulSoup(html, "html.parser")


def test_a_builder_that_writes_text_shows_the_words(build):
    text, warnings = build(bundle(), builder="text", file="index.txt")
    assert warnings == ""
    assert "<Explorable>" in text


def test_default_frame_stands_in_the_page_once_with_its_alternative_text(page):
    (svg,) = page.select("figure svg")
    assert svg["aria-label"] == ALT
    assert page.select("figure img") == [] and "<Explorable>" not in page.get_text()


def test_figure_has_its_number_caption_and_references(page):
    figure = page.select_one("figure#fig-curve")
    assert "Fig. 1" in figure.figcaption.get_text() and "Move it." in figure.figcaption.get_text()
    assert page.select_one("a[href='#fig-curve']").get_text() == "Fig. 1"


def test_slider_is_native_labelled_and_says_its_value(page):
    slider = page.select_one("input[type=range]")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "1")
    assert slider["aria-valuetext"] == "0.7"
    assert page.select_one(f"label[for={slider['id']}]").get_text() == "rate <r>"
    output = page.select_one(f"output[for={slider['id']}]")
    assert output.get_text() == "0.7" and output["aria-live"] == "off"  # not said twice


def test_words_make_a_choice(build):
    html, _ = build(bundle(kind="choice", values=["RNN", "LSTM", "GRU"]))
    page = BeautifulSoup(html, "html.parser")
    options = page.select(".explorable select option")
    assert [option.get_text() for option in options] == ["RNN", "LSTM", "GRU"]
    assert [option.has_attr("selected") for option in options] == [False, True, False]
    assert not page.select(".explorable output")


def test_without_numbers_there_is_no_empty_box(build):
    html, warnings = build(bundle(tables=[]))
    assert warnings == ""
    page = BeautifulSoup(html, "html.parser")
    assert page.select(".explorable input") and not page.select(".explorable details")


def test_numbers_stand_in_a_closed_table(page):
    box = page.select_one(".explorable details")
    assert not box.has_attr("open")
    rows = [[cell.get_text() for cell in row.select("th, td")] for row in box.select("tr")]
    assert rows == [
        ["step", "0.5", "0.7", "0.9"],
        ["0", "1", "1", "1"],
        ["9", "−1.95×10−10", "", "0.387"],
    ]
    assert box.select_one("td sup").get_text() == "−10"
    assert box.caption.get_text() == "size, by step (rows) and rate <r> (columns)"


def test_changes_lead_from_the_frame_shown_to_every_other(page):
    data = json.loads(page.select_one(".explorable script").get_text())
    assert data["values"] == ["0.5", "0.7", "0.9"]
    assert {name for _, name, *_ in data["changes"]} == {"d"}  # a line and a band, nothing else
    assert len(data["changes"]) == 2
    parts = [page.select_one("figure svg"), *page.select("figure svg *")]
    for place, name, template, frames in data["changes"]:
        shown = shorten(filled(template, frames[1]))
        assert numbers(shown) == pytest.approx(numbers(parts[place][name]), abs=0.151)
        assert filled(template, frames[0]) != filled(template, frames[2])


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def filled(template, differences):
    if template is None:
        return differences
    places = iter(np.cumsum(differences) / 10)
    return re.sub("~", lambda _: f"{next(places):.1f}", template)


def test_numbers_in_words_and_in_attributes_other_than_places_travel_as_they_are():
    styles, words = [f"opacity: 0.2{n}" for n in range(9)], [f"gain {n}" for n in range(9)]
    parts = zip(styles, words, strict=True)
    frames = [f'<svg><text style="{style}">{word}</text></svg>' for style, word in parts]
    assert changes(frames) == [[1, "style", None, styles], [1, "", None, words]]


def test_ids_that_only_hash_what_they_name_do_not_change():
    one, two = (
        f'<svg><path id="a{n}" d="M 0 {n}"/><use href="#a{n}" clip-path="url(#a{n})"/></svg>'
        for n in (3, 4)
    )
    assert changes([one, two]) == [[1, "d", None, ["m0 3", "m0 4"]]]


def test_of_many_numbers_only_those_that_change_travel():
    random = np.random.default_rng(0)
    x, ys = random.uniform(0, 400, 99).cumsum(), random.uniform(0, 90, (5, 99))
    paths = ["M " + " L ".join(f"{a:f} {b:f}" for a, b in zip(x, y, strict=True)) for y in ys]
    [[_, _, template, steps]] = changes([f'<svg><path d="{path}"/></svg>' for path in paths])
    assert template == "M " + " L ".join(f"{a:.1f} ~" for a in x)
    assert np.cumsum(steps, axis=1) / 10 == pytest.approx(ys, abs=0.0501)


@pytest.mark.parametrize("other", ["<g/><g/>", "<path/>", '<g id="x"/>', "a<g/>"])
def test_frames_of_different_elements_are_refused(other):
    with pytest.raises(ValueError, match="same elements"):
        changes(["<svg><g/></svg>", f"<svg>{other}</svg>"])


def test_frames_of_different_elements_are_complained_of_with_the_page(build):
    frames = [frame(0.5), frame(0.7), frame(0.9, title="one text more")]
    _, warnings = build(bundle(frames=frames))
    assert re.search(r"index\.ipynb:\d+: WARNING: an explorable figure cannot change", warnings)


def test_missing_alternative_text_is_complained_of_once(build):
    _, warnings = build(bundle(), alt="")
    assert warnings.count("has no alternative text") == 1


def test_only_a_page_with_an_explorable_figure_loads_script_and_style(build, tmp_path):
    html, _ = build(bundle())
    assert "sliders.js" in html and "sliders.css" in html
    assert "explorable" not in (tmp_path / "out/other.html").read_text(encoding="utf-8")
