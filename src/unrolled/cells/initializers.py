"""Random weights to start from."""

from __future__ import annotations

import numpy as np

RECURRENT = ("orthogonal", "gaussian", "glorot", "identity")


def glorot_uniform(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Independent uniform entries between ``-a`` and ``a`` with ``a^2 = 6 / (rows + columns)``.

    Parameters
    ----------
    rows, columns : int
        Shape of the matrix.
    rng : numpy.random.Generator
        Source of every random number.

    Returns
    -------
    ndarray of shape (rows, columns)

    References
    ----------
    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward networks".

    Examples
    --------
    >>> import numpy as np
    >>> bool(np.abs(glorot_uniform(3, 21, np.random.default_rng(0))).max() <= 0.5)
    True
    """
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def recurrent_matrix(name: str, units: int, gates: int, rng: np.random.Generator) -> np.ndarray:
    """Recurrent weights of all gates side by side, as Keras draws them.

    Parameters
    ----------
    name : {"orthogonal", "gaussian", "glorot", "identity"}
        Orthonormal rows (for one gate a random orthogonal matrix), independent normal entries of
        variance ``1 / units`` (spectral radius near 1 for each gate), Glorot-uniform entries, or
        the identity (for one gate only).
    units, gates : int
        Size of the state, and how many matrices stand side by side.
    rng : numpy.random.Generator
        Source of every random number.

    Returns
    -------
    ndarray of shape (units, gates * units)

    Raises
    ------
    ValueError
        If the name is none of the four, or the identity is asked for several gates.

    Notes
    -----
    All gates share one orthogonal matrix, as in Keras. The part of a single gate is then *not*
    orthogonal: its singular values are at most 1, about ``1 / sqrt(gates)`` in root mean square.

    References
    ----------
    Saxe, McClelland and Ganguli (2014), "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks"; Le, Jaitly and Hinton (2015), "A simple way to initialize
    recurrent networks of rectified linear units".

    Examples
    --------
    >>> import numpy as np
    >>> w = recurrent_matrix("orthogonal", 5, 4, np.random.default_rng(0))
    >>> w.shape, bool(np.allclose(w @ w.T, np.eye(5)))
    ((5, 20), True)
    """
    if name not in RECURRENT:
        raise ValueError(f"expected recurrent to be one of {RECURRENT}, got {name!r}")
    if name == "glorot":
        return glorot_uniform(units, gates * units, rng)
    if name == "gaussian":
        return rng.normal(0, 1 / np.sqrt(units), (units, gates * units))
    if name == "orthogonal":
        q, r = np.linalg.qr(rng.normal(size=(gates * units, units)))
        q = q * np.sign(np.diag(r))  # sign fix: uniform over all such matrices
        return q if gates == 1 else q.T
    if gates > 1:
        raise ValueError("expected another start than 'identity' for a cell with several gates")
    return np.eye(units)
