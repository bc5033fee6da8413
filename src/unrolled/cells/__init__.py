"""Recurrent cells: weights, one step forward, one step back. Nothing here loops over time."""

from unrolled.cells.cell import Cell
from unrolled.cells.diagonal import DiagonalLinearCell
from unrolled.cells.gated import GRUCell, LSTMCell
from unrolled.cells.simple import SimpleRNNCell

__all__ = ["Cell", "DiagonalLinearCell", "GRUCell", "LSTMCell", "SimpleRNNCell"]
