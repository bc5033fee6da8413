"""Draw what the library computed. Every function takes an Axes and returns it; none computes."""

from unrolled.figures.curves import (
    bands,
    gradient_norms,
    growth_rates,
    learning_curves,
    state_distances,
    weight_gradient_bars,
)
from unrolled.figures.diagrams import (
    backward_chain,
    probability_grid,
    unrolled_network,
    weighted_steps,
)
from unrolled.figures.style import COLORS

__all__ = [
    "COLORS",
    "backward_chain",
    "bands",
    "gradient_norms",
    "growth_rates",
    "learning_curves",
    "probability_grid",
    "state_distances",
    "unrolled_network",
    "weight_gradient_bars",
    "weighted_steps",
]
