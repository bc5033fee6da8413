"""Figures as cells draw them."""

import io

import matplotlib
import pytest
from matplotlib import pyplot as plt

STYLE = "lectures/matplotlibrc"


@pytest.fixture
def draw(request):
    """SVG of a figure in the style of the lectures."""

    def draw(plot):
        with matplotlib.rc_context(fname=request.config.rootpath / STYLE):
            fig, ax = plt.subplots()
            plot(ax)
            out = io.StringIO()
            fig.savefig(out, format="svg", metadata={"Date": None})
            plt.close(fig)
        return out.getvalue()

    return draw
