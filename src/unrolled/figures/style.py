"""What all figures share: one colour for each cell type, and dashes that tell lines apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

#: One colour for each cell type on every page: told apart by colour-blind readers, and at least
#: 3:1 in contrast with a white and with a dark page.
COLORS = {"SimpleRNN": "#1065e9", "LSTM": "#d76917", "GRU": "#14a762", "other": "#bb63bd"}


def line_styles() -> Iterator[str]:
    """Dash patterns, so that lines differ not by colour alone."""
    return cycle(["-", "--", "-.", ":"])


def color_of(name: str) -> str:
    """Colour of the cell type that a name begins with, as Keras' "simple_rnn_1" does.

    Of a path such as "both/forward_lstm/c", any part may name it.
    """
    for part in name.lower().replace("_", "").split("/"):
        plain = part.removeprefix("forward").removeprefix("backward")
        for cell, color in COLORS.items():
            if plain.startswith(cell.lower()):
                return color
    return COLORS["other"]
