"""Forecasts of a series by a recurrent network: from its true past, or from its own forecasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unrolled.bptt import Cache
from unrolled.losses import squared_error
from unrolled.training import Arrays, SequenceModel


def forecast(
    model: SequenceModel, x: ArrayLike, state: ArrayLike | None = None
) -> tuple[np.ndarray, Cache]:
    """Forecast the next value at every step from the true past, as a change of the present one.

    ``forecast_t = x_t + h_t @ output_kernel + output_bias`` is the forecast of x_{t+1}. The network
    only adds to *persistence*, the forecast that nothing changes: with output weights of zero it
    is persistence.

    Parameters
    ----------
    model : SequenceModel
        A network with one feature and one output.
    x : ndarray of shape (batch, time)
        The series.
    state : ndarray of shape (batch, state_size), optional
        The state before the first value; zeros if not given.

    Returns
    -------
    forecasts : ndarray of shape (batch, time)
        ``forecasts[:, t]`` is for the value after ``x[:, t]``.
    cache : Cache
        Of the unrolled cell; ``cache.states[:, -1]`` is the state from which to go on.

    Raises
    ------
    ValueError
        If a shape does not fit, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell
    >>> cell = SimpleRNNCell.initialize(features=1, units=8, rng=np.random.default_rng(0))
    >>> model = SequenceModel(cell, output_kernel=np.zeros((8, 1)), output_bias=np.zeros(1))
    >>> forecast(model, [[1.0, 2.0, 4.0]])[0]
    array([[1., 2., 4.]])
    """
    x = np.asarray(x, model.cell.dtype)
    changes, cache = model._replace(every_step=True).outputs(x[..., None], state)
    if changes.shape[-1] > 1:
        raise ValueError(f"expected a model with 1 output, got {changes.shape[-1]}")
    return x + changes[..., 0], cache


def free_run(
    model: SequenceModel, x: ArrayLike, steps: int, state: ArrayLike | None = None
) -> np.ndarray:
    """Read a series, then go on without it: each forecast is the next input.

    Parameters
    ----------
    model : SequenceModel
        A network with one feature and one output.
    x : ndarray of shape (batch, time)
        What is read first.
    steps : int
        How many values to forecast.
    state : ndarray of shape (batch, state_size), optional
        The state before the first value; zeros if not given.

    Returns
    -------
    ndarray of shape (batch, steps)
        Column k - 1 is the forecast k steps after the last value of `x`.

    Raises
    ------
    ValueError
        If a shape does not fit, a value is not finite, or `steps` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell
    >>> cell = SimpleRNNCell.initialize(features=1, units=8, rng=np.random.default_rng(0))
    >>> model = SequenceModel(cell, output_kernel=np.zeros((8, 1)), output_bias=np.ones(1))
    >>> free_run(model, [[1.0, 2.0, 4.0]], 3)
    array([[5., 6., 7.]])
    """
    run = np.empty((len(np.asarray(x)), steps), model.cell.dtype)
    for t in range(steps):
        forecasts, cache = forecast(model, x, state)
        run[:, t] = forecasts[:, -1]
        x, state = run[:, t : t + 1], cache.states[:, -1]
    return run


def loss_and_gradients(
    model: SequenceModel, x: ArrayLike, y: ArrayLike, *, read: int, skip: int = 0
) -> tuple[float, Arrays]:
    """Mean squared error of forecasts, and its gradients.

    The first `read` inputs are true values, which is *teacher forcing*. After them the network
    reads its own forecasts, and the gradient flows back through these as well.

    Parameters
    ----------
    model : SequenceModel
        A network with one feature and one output.
    x, y : ndarray of shape (batch, time)
        The series, and the value that follows each of its values.
    read : int
        How many true values are read, at least 1.
    skip : int
        How many forecasts at the start are left out of the loss.

    Returns
    -------
    loss : float
        Mean over the batch and the steps that count.
    gradients : tuple of ndarray
        One for each of the parameters of the model.

    Raises
    ------
    ValueError
        If the shapes differ, `read` leaves nothing to read, or `skip` nothing to forecast.

    References
    ----------
    Williams and Zipser (1989), "A learning algorithm for continually running fully recurrent neural
    networks", Neural Computation 1(2), on teacher forcing.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled import SimpleRNNCell
    >>> cell = SimpleRNNCell.initialize(features=1, units=8, rng=np.random.default_rng(0))
    >>> model = SequenceModel(cell, output_kernel=np.zeros((8, 1)), output_bias=np.zeros(1))
    >>> loss_and_gradients(model, [[1.0, 2.0, 4.0]], [[2.0, 4.0, 8.0]], read=1)[0]
    19.666666666666668
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"expected x and y of one shape (batch, time), got {x.shape}, {y.shape}")
    time, cell = x.shape[1], model.cell
    if not (1 <= read <= time and 0 <= skip < time):
        raise ValueError(f"expected read in 1..{time} and skip below {time}, got {read}, {skip}")
    own = free_run(model, x[:, :read], time - read)
    forecasts, cache = forecast(model, np.concatenate([x[:, :read], own], axis=1))
    d_forecasts, d_state = np.zeros_like(forecasts), np.zeros_like(cache.states[:, 0])
    loss, d_forecasts[:, skip:] = squared_error(forecasts[:, skip:], y[:, skip:])
    for t in reversed(range(read, time)):  # x_t is the forecast of the step before
        d_state[:, : cell.units] += d_forecasts[:, t, None] * model.output_kernel[:, 0]
        now = cache.previous[:, t], cache.states[:, t], cache.gates[:, t]
        d_z, d_state = cell.step_back(d_state, *now)
        d_forecasts[:, t - 1] += d_forecasts[:, t] + d_z @ cell.kernel[0]
    return loss, model._replace(every_step=True).backpropagate(cache, d_forecasts[..., None])[0]
