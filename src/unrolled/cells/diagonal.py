"""A linear recurrence whose matrix is diagonal, over the complex numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from unrolled.cells.cell import Cell


@dataclass(frozen=True, eq=False)
class DiagonalLinearCell(Cell):
    """Linear recurrence of complex numbers side by side, each turned and shrunk at every step.

    Units 2j and 2j + 1 hold the real and imaginary part of the complex number s_j, and

        s_t = lambda * s_{t-1} + x_t @ kernel + bias,    lambda = exp(-exp(nu) + i theta)

    so that every ``|lambda| = exp(-exp(nu))`` is below 1 whatever the weights are, but for rounding
    (``exp(nu)`` below 1e-16, in float32 6e-8, gives 1). No gradient can explode, and a gradient
    shrinks by exactly ``|lambda|`` at each step.

    Parameters
    ----------
    kernel : ndarray of shape (features, units)
        Input weights; `units` is even.
    recurrent_kernel : ndarray of shape (2, units / 2)
        ``nu`` and ``theta``.
    bias : ndarray of shape (units,)
        Bias.

    Raises
    ------
    ValueError
        If the shapes or dtypes of the weights do not fit together, or a weight is not finite.

    References
    ----------
    Orvieto et al. (2023), "Resurrecting recurrent neural networks for long sequences" (the LRU),
    without its learned output and with its normalization in the start of the kernel.

    Examples
    --------
    >>> import numpy as np
    >>> quarter_turn = np.array([[np.log(np.log(2))], [np.pi / 2]])  # lambda = i / 2
    >>> cell = DiagonalLinearCell(np.zeros((1, 2)), quarter_turn, np.zeros(2))
    >>> state, _ = cell.step(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    >>> state.round(9)
    array([[0. , 0.5]])
    """

    shapes = "kernel (features, units), recurrent_kernel (2, units / 2) and bias (units,)"

    def _weight_shapes(self) -> tuple[tuple[int, ...], ...]:
        return self.kernel.shape, (2, self.units // 2), (self.units // 2 * 2,)

    @classmethod
    def initialize(
        cls,
        features: int,
        units: int,
        rng: np.random.Generator,
        *,
        modulus: tuple[float, float] = (0.9, 0.999),
        largest_phase: float = np.pi,
        dtype: DTypeLike = np.float64,
    ) -> Self:
        """Draw lambda uniformly from a ring, or from a sector of it.

        Parameters
        ----------
        features, units : int
            Sizes of the input and of the state; `units` is even.
        rng : numpy.random.Generator
            Source of every random number.
        modulus : (float, float)
            Smallest and largest ``|lambda|``, between 0 and 1.
        largest_phase : float
            Phases are drawn between 0 and this, in radians.
        dtype : dtype
            Precision of the weights.

        Returns
        -------
        DiagonalLinearCell
            With input weights of variance ``(1 - |lambda|^2) / features``, which keep the state at
            about the size of the input, whatever lambda.

        Raises
        ------
        ValueError
            If a size is below 1, `units` is odd, or not 0 < smallest <= largest modulus < 1.

        Examples
        --------
        >>> import numpy as np
        >>> cell = DiagonalLinearCell.initialize(1, 8, np.random.default_rng(0), modulus=(.9, .99))
        >>> bool(np.all((np.abs(cell.eigenvalues) > 0.9) & (np.abs(cell.eigenvalues) < 0.99)))
        True
        """
        low, high = modulus
        if min(features, units) < 1 or units % 2 or not 0 < low <= high < 1:
            raise ValueError(
                "expected at least 1 feature, an even number of units and 0 < smallest <= largest "
                f"modulus < 1, got {features}, {units} and {modulus}"
            )
        square = rng.uniform(low**2, high**2, units // 2)  # uniform over the area of the ring
        nu, theta = np.log(-np.log(square) / 2), rng.uniform(0, largest_phase, units // 2)
        std = np.sqrt((1 - np.repeat(square, 2)) / features)
        kernel = std * rng.normal(size=(features, units))
        weights = kernel, np.stack((nu, theta)), np.zeros(units)
        return cls(*(w.astype(dtype) for w in weights))

    @property
    def eigenvalues(self) -> np.ndarray:
        """Complex ``lambda`` of shape (units / 2,)."""
        eigenvalues: np.ndarray = np.exp(-self._decay + 1j * self.recurrent_kernel[1])
        return eigenvalues

    @property
    def _decay(self) -> np.ndarray:
        """``exp(nu)``, of a nu that is cut where lambda is 0 anyway, so that it is finite."""
        return np.asarray(np.exp(np.minimum(self.recurrent_kernel[0], 80)))

    def step(self, projected: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step forward; there are no gates. See `Cell.step`."""
        return projected + _real(_complex(state) * self.eigenvalues), state[..., :0]

    def step_back(
        self, d_state: np.ndarray, previous: np.ndarray, state: np.ndarray, gates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Back through the recurrence: turn the other way, and shrink. See `Cell.step_back`."""
        return d_state, _real(_complex(d_state) * self.eigenvalues.conj())

    def weight_gradients(
        self, x: np.ndarray, previous: np.ndarray, gates: np.ndarray, d_projected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients of kernel, of nu and theta, and of the bias. See `Cell.weight_gradients`."""
        turned = _complex(previous) * self.eigenvalues  # d s_t = turned * (-exp(nu) dnu + i dtheta)
        product = (turned * _complex(d_projected).conj()).sum(axis=-2)
        recurrent_kernel = np.stack((-self._decay * product.real, -product.imag), axis=-2)
        return x.mT @ d_projected, recurrent_kernel, d_projected.sum(axis=-2)


def _complex(pairs: np.ndarray) -> np.ndarray:
    """Pairs of neighbours as complex numbers; a view where memory allows."""
    pairs = np.ascontiguousarray(pairs)
    return pairs.view(np.result_type(pairs.dtype, np.complex64))


def _real(numbers: np.ndarray) -> np.ndarray:
    """Complex numbers as pairs of neighbours; a view."""
    return numbers.view(numbers.real.dtype)
