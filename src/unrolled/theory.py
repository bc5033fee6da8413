"""What theory predicts about gradients through time, before any network is run. NumPy only."""

from __future__ import annotations

import numpy as np

# An average over a standard normal variable u, as sums over points that lie ever closer around 0:
# where weights are large, tanh is a step there, between the points of a Gauss-Hermite rule.
_LOGARITHMIC = np.linspace(-1, 1, 401) * np.arcsinh(9e6)
_NODES = 1e-6 * np.sinh(_LOGARITHMIC)
_WEIGHTS = np.cosh(_LOGARITHMIC) * np.exp(-(_NODES**2) / 2)
_WEIGHTS /= _WEIGHTS.sum()


def spectral_radius(matrix: np.ndarray) -> float:
    """Largest modulus of an eigenvalue: the growth factor of the powers of a matrix.

    ``lim norm(W^k)^(1/k) = max |eigenvalue of W|`` for every norm (Gelfand's formula).

    Parameters
    ----------
    matrix : ndarray of shape (units, units)
        A recurrent kernel; transposing it changes nothing.

    Returns
    -------
    float

    References
    ----------
    Gelfand (1941), "Normierte Ringe", Matematicheskii Sbornik 9.

    Examples
    --------
    >>> import numpy as np
    >>> spectral_radius(np.array([[0.5, 5.0], [0.0, 0.5]]))
    0.5
    """
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def largest_step_factor(recurrent_kernel: np.ndarray, largest_slope: float = 1.0) -> float:
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


def mean_field_log_growth(
    gain: float | np.ndarray, input_std: float | np.ndarray = 0.0
) -> float | np.ndarray:
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

    Raises
    ------
    ValueError
        If a gain is not positive.

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
    if not np.all(gain > 0):
        raise ValueError(f"expected a positive gain, got {gain}")
    q = _pre_activation_variance(gain, input_std)
    slope = 1 - np.tanh(np.sqrt(q)[..., None] * _NODES) ** 2
    log_growth = np.log(gain) + 0.5 * np.log(slope**2 @ _WEIGHTS)
    return log_growth if log_growth.ndim else float(log_growth)


def gaussian_product_exponents(units: int, gain: float = 1.0) -> np.ndarray:
    """Lyapunov exponents of a product of independent Gaussian matrices, exact at every width.

    For entries of variance ``gain^2 / units``, with psi the digamma function,

        lambda_i = ln gain + (ln(2 / units) + psi((units - i + 1) / 2)) / 2,    i = 1..units.

    The largest lies about ``1 / (2 units)`` below ``ln gain``: the typical product grows less
    than the mean square of products does.

    Parameters
    ----------
    units : int
        Size of the matrices, at least 1.
    gain : float
        Standard deviation of the entries times the square root of `units`.

    Returns
    -------
    ndarray of shape (units,)
        Natural logarithms of growth factors per matrix, the largest first.

    Raises
    ------
    ValueError
        If `units` is less than 1 or `gain` is not positive.

    References
    ----------
    Newman (1986), "The distribution of Lyapunov exponents: exact results for random matrices".

    Examples
    --------
    >>> gaussian_product_exponents(3).round(4)
    array([-0.1845, -0.4913, -1.1845])
    """
    if units < 1 or not gain > 0:
        raise ValueError(f"expected at least one unit and a positive gain, got {units} and {gain}")
    psi = [-np.euler_gamma - 2 * np.log(2), -np.euler_gamma]  # of 1/2 and 1
    for k in range(1, units - 1):
        psi.append(psi[-2] + 2 / k)  # psi(k/2 + 1) = psi(k/2) + 2/k
    return np.asarray(np.log(gain) + (np.log(2 / units) + np.array(psi[:units][::-1])) / 2)


def linear_sensitivity(weight: float | complex | np.ndarray) -> float | np.ndarray:
    """Mean square of dh/dw, the derivative of a linear unit's state by its recurrent weight.

    For ``h_t = w h_{t-1} + x_t`` on white noise of variance 1, long after the start,

        E[abs(dh/dw)^2] = sum over k of k^2 q^(k - 1) = (1 + q) / (1 - q)^3,    q = abs(w)^2.

    The state itself has ``E[abs(h)^2] = 1 / (1 - q)``: near q = 1 the derivative grows as the
    third power of that, although no gradient dh_T/dh_t exceeds 1.

    Parameters
    ----------
    weight : float or complex or ndarray
        The recurrent weight w, often called lambda; its modulus is less than 1.

    Returns
    -------
    float or ndarray
        Of the shape of `weight`.

    Raises
    ------
    ValueError
        If a modulus is not less than 1.

    References
    ----------
    Zucchet and Orvieto (2024), "Recurrent neural networks: vanishing and exploding gradients are
    not the end of the story".

    Examples
    --------
    >>> linear_sensitivity(0.0), round(linear_sensitivity(0.5), 4)
    (1.0, 2.963)
    """
    square = np.abs(np.asarray(weight)) ** 2
    if not np.all(square < 1):
        raise ValueError(f"expected weights of modulus less than 1, got {weight}")
    mean_square = (1 + square) / (1 - square) ** 3
    return mean_square if mean_square.ndim else float(mean_square)


def inputs_used(accuracy: float | np.ndarray, length: int) -> float | np.ndarray:
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

    References
    ----------
    Sheppard (1899), "On the application of the theory of error to cases of normal distribution and
    normal correlation", on the signs of two correlated normal variables.

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


def _pre_activation_variance(gain: np.ndarray, input_std: np.ndarray) -> np.ndarray:
    """The stable solution q of the mean-field equation, by bisection (the map is concave)."""
    low, high = input_std**2, gain**2 + input_std**2
    for _ in range(60):
        q = (low + high) / 2
        image = gain**2 * (np.tanh(np.sqrt(q)[..., None] * _NODES) ** 2 @ _WEIGHTS) + input_std**2
        low, high = np.where(image > q, q, low), np.where(image > q, high, q)
    return low
