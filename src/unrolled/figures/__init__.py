"""Draw what the library computed: each function takes an Axes and returns it.

None computes gradients; norms, medians and logarithms of what they are given are taken here.
"""

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "expected Matplotlib: python -m pip install matplotlib", name=error.name
    ) from error

from unrolled.figures.curves import (
    bands,
    gradient_norms,
    growth_rates,
    learning_curves,
    singular_values,
    state_distances,
    weight_gradient_bars,
)
from unrolled.figures.diagrams import (
    backward_chain,
    paths_to_loss,
    probability_grid,
    unrolled_network,
    weighted_steps,
)
from unrolled.figures.error_surfaces import descent_path, error_surface
from unrolled.figures.forecasts import forecast_lines
from unrolled.figures.gates import gated_cell
from unrolled.figures.heat_maps import gradient_heat_map, unit_heat_map
from unrolled.figures.paths import gradient_path
from unrolled.figures.style import COLORS
from unrolled.figures.wirings import weight_blocks, wiring

__all__ = [
    "COLORS",
    "backward_chain",
    "bands",
    "descent_path",
    "error_surface",
    "forecast_lines",
    "gated_cell",
    "gradient_heat_map",
    "gradient_norms",
    "gradient_path",
    "growth_rates",
    "learning_curves",
    "paths_to_loss",
    "probability_grid",
    "singular_values",
    "state_distances",
    "unit_heat_map",
    "unrolled_network",
    "weight_blocks",
    "weight_gradient_bars",
    "weighted_steps",
    "wiring",
]
