"""Every kind of cell that the tests put to the same proof."""

from functools import partial

from unrolled import DiagonalLinearCell, GRUCell, LSTMCell, SimpleRNNCell

#: What draws a cell, by name; takes features, units, a generator and options such as the dtype.
CELLS = {
    "tanh": SimpleRNNCell.initialize,
    "relu": partial(SimpleRNNCell.initialize, activation="relu"),
    "linear": partial(SimpleRNNCell.initialize, activation="linear"),
    "LSTM": LSTMCell.initialize,
    "GRU": GRUCell.initialize,
    "GRU, reset before": partial(GRUCell.initialize, reset_after=False),
    "diagonal": lambda features, units, *rest, **options: DiagonalLinearCell.initialize(
        features, units + units % 2, *rest, **options
    ),
}
