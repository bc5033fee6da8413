"""The drawings of error surfaces show the surface and the path that they are given."""

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from unrolled import figures


def new_axes():
    return Figure(figsize=(5.6, 3.4)).add_subplot()


def drawn_surface():
    x, y = np.linspace(-1, 1, 41), np.linspace(-2, 2, 81)
    return figures.error_surface(new_axes(), x, y, x**2 + y[:, None] ** 2, [0.25, 0.5, 0.81])


def test_each_contour_line_joins_points_of_its_loss():
    lines = drawn_surface().collections[1]
    assert isinstance(lines, QuadContourSet) and list(lines.levels) == [0.25, 0.5, 0.81]
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        assert len(path.vertices) > 20
        assert np.sum(path.vertices**2, axis=1) == pytest.approx(level, abs=0.01)


def test_every_loss_is_shaded_and_the_higher_the_stronger():
    shades = drawn_surface().collections[0]
    assert shades.levels[0] < 0 and shades.levels[-1] > 5
    assert np.all(np.diff(shades.get_facecolor()[:, 3]) > 0)


def test_a_path_goes_through_its_points_and_clipped_differs_from_unclipped_not_by_colour_alone():
    ax, path = new_axes(), np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    figures.descent_path(ax, path, label="clipped at 1", clipped=True)
    figures.descent_path(ax, path, label="not clipped", clipped=False)
    assert all(np.array_equal(line.get_xydata(), path) for line in ax.lines)
    assert [line.get_label() for line in ax.lines] == ["clipped at 1", "not clipped"]
    for look in ("linestyle", "marker", "color"):
        clipped, plain = (getattr(line, f"get_{look}")() for line in ax.lines)
        assert clipped != plain


def test_a_loss_that_is_not_finite_leaves_its_place_empty():
    x, loss = np.linspace(-1, 1, 5), np.arange(25.0).reshape(5, 5)
    loss[1, 1], loss[3, 3] = np.nan, np.inf
    ax = figures.error_surface(new_axes(), x, x, loss, [10.0])
    places = [(-0.55, -0.55), (0.55, 0.55), (0.55, -0.55)]
    covered = [path.contains_points(places) for path in ax.collections[0].get_paths()]
    assert np.any(covered, axis=0).tolist() == [False, False, True]


def test_a_surface_of_nothing_is_refused():
    with pytest.raises(ValueError, match="expected a loss that is finite somewhere, got none"):
        figures.error_surface(new_axes(), [0, 1], [0, 1], np.full((2, 2), np.nan), [0.5])


def test_a_path_takes_the_short_names_of_matplotlib():
    look = {"lw": 4, "c": "red", "ls": ":", "ms": 9}
    (line,) = figures.descent_path(new_axes(), np.eye(2), label="a", clipped=True, **look).lines
    assert (line.get_linewidth(), line.get_color()) == (4, "red")
    assert (line.get_linestyle(), line.get_markersize()) == (":", 9)
