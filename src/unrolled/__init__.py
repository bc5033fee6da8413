"""Gradients through time in recurrent neural networks, computed and measured.

Conventions that hold everywhere:

* Sequences are arrays of shape ``(batch, time, features)``, states ``(batch, time, units)``.
* Weights have Keras names, shapes and order: ``kernel`` ``(features, units)``,
  ``recurrent_kernel`` ``(units, units)``, ``bias`` ``(units,)``. A state is a row vector, so
  ``h_t = tanh(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias)``, and
  ``SimpleRNNCell(*layer.get_weights())`` is the same network as the Keras ``layer``.
* A gradient has the shape of the array with respect to which it is taken.
* Floating-point precision follows the weights: float32 in, float32 out; float64 in, float64 out.

Importing this package imports NumPy only. ``unrolled.gradient_flow``, ``callback`` and ``models``
need Keras on TensorFlow (the extra ``keras``), ``figures`` and ``explorable`` need Matplotlib (the
extra ``figures``): import them by name where you use them.
"""

from importlib import metadata

from unrolled.bptt import (
    backpropagate_through_time,
    gradients_by_step,
    jacobians,
    truncated_backpropagation_through_time,
    unroll,
)
from unrolled.cells import Cell, DiagonalLinearCell, GRUCell, LSTMCell, SimpleRNNCell
from unrolled.gradient_check import central_difference, gradient_check, relative_error

try:
    __version__ = metadata.version("unrolled")
except metadata.PackageNotFoundError:  # run from its source without being installed
    __version__ = "0+unknown"

__all__ = [
    "Cell",
    "DiagonalLinearCell",
    "GRUCell",
    "LSTMCell",
    "SimpleRNNCell",
    "backpropagate_through_time",
    "central_difference",
    "gradient_check",
    "gradients_by_step",
    "jacobians",
    "relative_error",
    "truncated_backpropagation_through_time",
    "unroll",
]
