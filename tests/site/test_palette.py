"""The colours of figures stand out on both themes and can be told apart by colour-blind readers."""

from itertools import combinations

import matplotlib
import numpy as np
import pytest

from unrolled.figures import COLORS

BACKGROUNDS = {"light": "#ffffff", "dark": "#121212"}
#: What linear RGB becomes without one kind of cone: Machado, Oliveira and Fernandes 2009.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(  # linear sRGB to CIE XYZ, D65
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(color):
    rgb = np.array(matplotlib.colors.to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(color, background):
    """Contrast ratio of WCAG 2."""
    darker, lighter = sorted(TO_XYZ[1] @ linear(c) for c in (color, background))
    return (lighter + 0.05) / (darker + 0.05)


def lab(rgb):
    """CIE L*a*b* of a linear RGB colour."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("name", COLORS)
def test_colour_stands_out_from_the_page(name, theme):
    assert contrast(COLORS[name], BACKGROUNDS[theme]) >= 3


@pytest.mark.parametrize("vision", VISION)
def test_colours_can_be_told_apart(vision):
    seen = {name: lab(VISION[vision] @ linear(color)) for name, color in COLORS.items()}
    close = [
        pair for pair in combinations(seen, 2) if np.linalg.norm(seen[pair[0]] - seen[pair[1]]) < 20
    ]
    assert close == []


def test_style_of_the_lectures_draws_in_these_colours(request):
    with matplotlib.rc_context(fname=request.config.rootpath / "lectures/matplotlibrc"):
        cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    assert [matplotlib.colors.to_hex(color) for color in cycle] == list(COLORS.values())


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_pages_have_the_backgrounds_that_colours_are_made_for(context, site, theme):
    page = context(theme).new_page()
    page.goto((site / "index.html").as_uri())
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert matplotlib.colors.to_rgb(BACKGROUNDS[theme]) == tuple(
        int(part) / 255 for part in background.removeprefix("rgb(").removesuffix(")").split(",")
    )
    page.close()
