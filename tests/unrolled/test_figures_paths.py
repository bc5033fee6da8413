"""The drawing of a gradient's path shows the graph and a way through it."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from unrolled import figures

CHAIN = [((t, 1), (t + 1, 1)) for t in (1, 2)] + [((t, 0), (t, 1)) for t in (1, 2, 3)]
CHAIN += [((3, 1), (3, 2))]
PATH = [(3, 2), (3, 1), (2, 1), (1, 1), (1, 0)]


def new_axes():
    return Figure(layout="constrained").add_subplot()


def arrows(ax):
    color = to_rgba(figures.COLORS["other"])
    return [patch for patch in ax.patches if patch.get_edgecolor() == color]


def markers(ax, shape):
    """Places of all markers of this shape."""
    lines = [line for line in ax.lines if line.get_marker() == shape]
    return np.concatenate([line.get_xydata() for line in lines]).tolist()


def ends(arrow):
    """First and last point of an arrow before it is shortened at both ends."""
    return arrow._posA_posB


def test_every_edge_is_a_line_and_every_hop_of_the_path_an_arrow():
    ax = figures.gradient_path(new_axes(), CHAIN, PATH, title="chain")
    assert len(ax.patches) == len(CHAIN) + len(PATH) - 1
    assert [tuple(map(tuple, ends(arrow))) for arrow in arrows(ax)] == list(pairwise(PATH))
    assert [text.get_text() for text in ax.texts] == ["chain"]


def test_the_loss_is_a_square_and_every_other_place_a_round_marker():
    ax = figures.gradient_path(new_axes(), CHAIN, PATH)
    assert markers(ax, "s") == [[3, 2]]
    places = {place for edge in CHAIN for place in edge} - {(3, 2)}
    assert sorted(map(tuple, markers(ax, "o"))) == sorted(places)


def test_a_graph_moves_as_a_whole():
    there = figures.gradient_path(new_axes(), CHAIN, PATH, at=(10, -5))
    assert markers(there, "s") == [[13, -3]]
    assert ends(arrows(there)[-1]) == [(11, -4), (11, -5)]


def test_a_skip_runs_in_an_arc_above_what_it_skips():
    edges = [((1, 0), (4, 0)), ((1, 0), (2, 0)), ((4, 0), (4, 1)), ((1, -1), (1, 0))]
    ax = figures.gradient_path(new_axes(), edges, [(4, 1), (4, 0), (1, 0), (1, -1)])
    tops = [patch.get_path().vertices[:, 1].max() for patch in (ax.patches[0], arrows(ax)[1])]
    straight = ax.patches[1].get_path().vertices[:, 1].max()
    assert min(tops) > straight + 0.3


def test_a_path_along_no_edge_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 1\), \(1, 1\)"):
        figures.gradient_path(new_axes(), CHAIN, [(3, 2), (3, 1), (1, 1)])
