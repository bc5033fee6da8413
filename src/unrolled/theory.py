"""What theory predicts about gradients through time, before any network is run. NumPy only."""

from __future__ import annotations

import numpy as np

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(101)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()  # an average over a standard normal variable


def spectral_radius(matrix):
    """Largest modulus of an eigenvalue: the growth factor of the powers of a matrix.

    ``lim norm(W^k)^(1/k) = max |eigenvalue of W|`` for every norm (Gelfand's formula).

    Parameters
    ----------
    matrix : ndarray of shape (units, units)
        A recurrent kernel; transposing it changes nothing.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> spectral_radius(np.array([[0.5, 5.0], [0.0, 0.5]]))
    0.5
    """
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def largest_step_factor(recurrent_kernel, largest_slope=1.0):
    """Bound of Pascanu et al.: no step lengthens a gradient by more than this factor.

    ``norm(dL/dh_{t-1}) <= sigma_1(W_hh) max|phi'| norm(dL/dh_t)``, in the Euclidean norm. Below 1
    it suffices for the gradient to vanish; above 1 it decides nothing.

    Parameters
    ----------
    recurrent_kernel : ndarray of shape (units, units)
        State-to-state weights.
    largest_slope : float
        Largest slope of the activation: 1 for tanh, ReLU and the identity, 1/4 for the sigmoid.

    Returns
    -------
    float

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> largest_step_factor(np.diag([0.5, 2.0]), largest_slope=0.25)
    0.5
    """
    return float(np.linalg.norm(recurrent_kernel, 2) * largest_slope)


def mean_field_log_growth(gain, input_std=0.0):
    """Log growth per step of ``norm(dL/dh_t)`` in a wide random tanh network, ``(ln chi) / 2``.

    For recurrent weights of variance ``gain**2 / units`` and independent normal input to every
    unit, pre-activations are normal with the variance q that solves

        q = gain^2 E[tanh(sqrt(q) u)^2] + input_std^2,    u standard normal,

    and each step backward multiplies the *squared* norm by
    ``chi = gain^2 E[tanh'(sqrt(q) u)^2]``. Exact as the number of units goes to infinity.

    Parameters
    ----------
    gain : float or ndarray
        Standard deviation of the recurrent weights times the square root of the number of units.
    input_std : float or ndarray
        Standard deviation of what the input adds to a pre-activation; broadcasts with `gain`.

    Returns
    -------
    float or ndarray
        Natural logarithm of the growth factor per step, of the broadcast shape.

    References
    ----------
    Molgedey, Schuchhardt and Schuster (1992), "Suppressing chaos in neural networks by noise";
    Chen, Pennington and Schoenholz (2018), "Dynamical isometry and a mean field theory of RNNs".

    Examples
    --------
    >>> round(mean_field_log_growth(0.8), 6)  # no input: the state dies, chi is gain squared
    -0.223144
    >>> mean_field_log_growth(1.2, 0.3) < 0 < mean_field_log_growth(1.6, 0.3)
    True
    """
    gain, input_std = np.broadcast_arrays(np.asarray(gain, float), np.asarray(input_std, float))
    q = _pre_activation_variance(gain, input_std)
    slope = 1 - np.tanh(np.sqrt(q)[..., None] * _NODES) ** 2
    log_growth = np.log(gain) + 0.5 * np.log(slope**2 @ _WEIGHTS)
    return log_growth if log_growth.ndim else float(log_growth)


def inputs_used(accuracy, length):
    """How many of `length` inputs a linear predictor of the sign of the mean seems to use.

    Summing k of n standard-normal inputs predicts the sign of the sum of all with accuracy
    ``1 - arccos(sqrt(k / n)) / pi``; solved for k this is ``n cos(pi (1 - accuracy))^2``.

    Parameters
    ----------
    accuracy : float or ndarray
        Share of right answers, from 1/2 (no input) to 1 (all inputs).
    length : int
        Number of inputs, n.

    Returns
    -------
    float or ndarray
        k, not rounded, of the shape of `accuracy`.

    Raises
    ------
    ValueError
        If an accuracy is not between 1/2 and 1.

    Examples
    --------
    >>> round(inputs_used(0.75, 50), 9)  # half the inputs give three right answers in four
    25.0
    """
    accuracy = np.asarray(accuracy, float)
    if not np.all((accuracy >= 0.5) & (accuracy <= 1)):
        raise ValueError(f"expected an accuracy between 1/2 and 1, got {accuracy}")
    used = length * np.cos(np.pi * (1 - accuracy)) ** 2
    return used if used.ndim else float(used)


def _pre_activation_variance(gain, input_std):
    """The stable solution q of the mean-field equation, by bisection (the map is concave)."""
    low, high = input_std**2, gain**2 + input_std**2
    for _ in range(60):
        q = (low + high) / 2
        image = gain**2 * (np.tanh(np.sqrt(q)[..., None] * _NODES) ** 2 @ _WEIGHTS) + input_std**2
        low, high = np.where(image > q, q, low), np.where(image > q, high, q)
    return low
