"""Tasks whose answer hangs on steps long past; each with what a network without memory scores."""

from __future__ import annotations

import math

import numpy as np

from unrolled.tasks.sequences import Sequences, at_least

#: Mean squared error of the best constant answer to the adding problem, which is 1, the mean of the
#: target: the variance of a sum of two independent uniform values, 1/12 + 1/12.
ADDING_PROBLEM_BASELINE = 1 / 6


def adding_problem(sequences: int, rng: np.random.Generator, *, length: int = 100) -> Sequences:
    """Add the two marked values of a sequence.

    ``y = v_i + v_j``, where the values v_1..v_T are uniform on [0, 1], and the marker is 1 at the
    steps i and j and 0 elsewhere: i uniform over the first half of the sequence, j over the second.
    A constant answer has a mean squared error of at least `ADDING_PROBLEM_BASELINE` = 1/6.

    Parameters
    ----------
    sequences : int
        How many.
    rng : numpy.random.Generator
        Source of the values and of the marked steps.
    length : int
        Number of time steps T, at least 2. Of an odd number, the second half is the longer.

    Returns
    -------
    Sequences
        ``x`` of shape (sequences, length, 2), feature 0 the value and feature 1 the marker, and
        ``y`` of shape (sequences,), both float64.

    Raises
    ------
    ValueError
        If there is no sequence, or it is shorter than two steps.

    References
    ----------
    Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8), with
    values in [-1, 1] and a length that varies; values in [0, 1] as in Le, Jaitly and Hinton (2015),
    one marker in each half as in Arjovsky, Shah and Bengio (2016).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = adding_problem(1000, np.random.default_rng(0), length=30)
    >>> values, markers = x[..., 0], x[..., 1]
    >>> x.shape, y.shape, bool(np.allclose(y, (values * markers).sum(axis=1)))
    ((1000, 30, 2), (1000,), True)
    """
    at_least(1, sequences=sequences)
    at_least(2, length=length)
    x, rows, half = np.zeros((sequences, length, 2)), np.arange(sequences), length // 2
    x[..., 0] = rng.uniform(size=(sequences, length))
    first = rng.integers(0, half, sequences)
    second = rng.integers(half, length, sequences)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return Sequences(x, x[rows, first, 0] + x[rows, second, 0])


def copy_memory(
    sequences: int,
    rng: np.random.Generator,
    *,
    delay: int = 100,
    symbols: int = 8,
    recalled: int = 10,
) -> Sequences:
    """Read some symbols, wait, and write them down in order when told to.

    With R symbols to recall and a delay D, the input is R random symbols, D - 1 blanks, a go
    signal, and R blanks; the target is D + R blanks, then the R symbols. The first symbol is
    wanted D + R steps after it was read, and so is each one that follows.

    Parameters
    ----------
    sequences : int
        How many.
    rng : numpy.random.Generator
        Source of the symbols.
    delay : int
        D, called T by Arjovsky et al.: the steps from the last symbol to the go signal.
    symbols : int
        How many different ones there are.
    recalled : int
        R, how many of them are to be copied.

    Returns
    -------
    Sequences
        ``x`` of shape (sequences, delay + 2 * recalled, symbols + 2), one-hot, float64: last the
        blank, with index `symbols`, and the go signal, with index `symbols` + 1; ``y`` of shape
        (sequences, delay + 2 * recalled), indices of the symbols and of the blank.

    Raises
    ------
    ValueError
        If a number is below 1.

    References
    ----------
    Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8); in this
    form, Arjovsky, Shah and Bengio (2016), "Unitary evolution recurrent neural networks".

    Examples
    --------
    >>> import numpy as np
    >>> x, y = copy_memory(1, np.random.default_rng(0), delay=3, symbols=4, recalled=2)
    >>> x.argmax(axis=-1)
    array([[3, 2, 4, 4, 5, 4, 4]])
    >>> y
    array([[4, 4, 4, 4, 4, 3, 2]])
    """
    at_least(1, sequences=sequences, delay=delay, symbols=symbols, recalled=recalled)
    to_copy = rng.integers(0, symbols, (sequences, recalled))
    read = np.full((sequences, delay + 2 * recalled), symbols)
    written = read.copy()
    read[:, :recalled] = written[:, -recalled:] = to_copy
    read[:, recalled + delay - 1] = symbols + 1
    return Sequences(np.eye(symbols + 2)[read], written)


def copy_memory_baseline(delay: int = 100, symbols: int = 8, recalled: int = 10) -> float:
    """Cross-entropy that `copy_memory` leaves to a network that counts but does not remember.

    ``recalled * ln(symbols) / (delay + 2 * recalled)`` nats per step: blanks are certain, and the
    symbols to be copied are independent and uniform, so each of them costs ln(symbols).

    Parameters
    ----------
    delay, symbols, recalled : int
        As in `copy_memory`.

    Returns
    -------
    float
        Mean over all steps; 10 ln 8 / (delay + 20) at the defaults.

    Raises
    ------
    ValueError
        If a number is below 1.

    References
    ----------
    Arjovsky, Shah and Bengio (2016), "Unitary evolution recurrent neural networks".

    Examples
    --------
    >>> round(copy_memory_baseline(delay=100), 4)
    0.1733
    """
    at_least(1, delay=delay, symbols=symbols, recalled=recalled)
    return recalled * math.log(symbols) / (delay + 2 * recalled)


def temporal_order(sequences: int, rng: np.random.Generator, *, length: int = 100) -> Sequences:
    """Tell in which order two signals came, far apart and long before the end.

    A sequence starts with E, ends with B, and is otherwise filled with random symbols a, b, c, d;
    but at two steps, one between 1/10 and 2/10 of the length and the other between 5/10 and 6/10,
    stands X or Y. The class is XX, XY, YX or YY. Without memory the cross-entropy is ln 4.

    Parameters
    ----------
    sequences : int
        How many.
    rng : numpy.random.Generator
        Source of the symbols and of the two steps.
    length : int
        Number of time steps, at least 10.

    Returns
    -------
    Sequences
        ``x`` of shape (sequences, length, 8), one-hot over a, b, c, d, E, B, X, Y in this order,
        float64; ``y`` of shape (sequences,), the class: 0, 1, 2, 3 for XX, XY, YX, YY.

    Raises
    ------
    ValueError
        If there is no sequence, or it is shorter than ten steps.

    References
    ----------
    Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8), task 6a,
    where the length varies from 100 to 110.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = temporal_order(2, np.random.default_rng(3), length=20)
    >>> ["".join("abcdEBXY"[i] for i in row) for row in x.argmax(axis=-1)], y
    (['EaaaYddcaaXbcbbaccaB', 'EbXcbbccacYddbbcccdB'], array([2, 1]))
    """
    at_least(1, sequences=sequences)
    at_least(10, length=length)
    symbols = rng.integers(0, 4, (sequences, length))
    symbols[:, 0], symbols[:, -1] = 4, 5
    first, second = signals = rng.integers(0, 2, (2, sequences))
    for signal, tenths in zip(signals, (1, 5), strict=True):
        earliest, latest = tenths * length // 10, (tenths + 1) * length // 10
        steps = rng.integers(earliest, latest, sequences, endpoint=True)
        symbols[np.arange(sequences), steps] = 6 + signal
    return Sequences(np.eye(8)[symbols], 2 * first + second)


def recall(
    sequences: int,
    rng: np.random.Generator,
    *,
    delay: int = 100,
    symbols: int = 4,
    distractors: int = 4,
) -> Sequences:
    """Tell at the end which symbol came first; all that came after it is noise.

    One of `symbols` is read at the first step, then one of `distractors` at each of `delay` steps.
    Every sequence has the same lag, and there is no shorter one to start learning from. Without
    memory the accuracy is 1 / symbols and the cross-entropy ln(symbols).

    Parameters
    ----------
    sequences : int
        How many.
    rng : numpy.random.Generator
        Source of all symbols.
    delay : int
        Steps from the symbol to the end; 0 leaves nothing to remember.
    symbols : int
        How many symbols there are to tell apart.
    distractors : int
        How many other symbols fill the delay.

    Returns
    -------
    Sequences
        ``x`` of shape (sequences, 1 + delay, symbols + distractors), one-hot, float64; ``y`` of
        shape (sequences,), index of the first symbol.

    Raises
    ------
    ValueError
        If the delay is negative, or another number is below 1.

    References
    ----------
    In the spirit of the latching problem of Bengio, Simard and Frasconi (1994), "Learning long-term
    dependencies with gradient descent is difficult", IEEE Transactions on Neural Networks 5(2).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = recall(1000, np.random.default_rng(0), delay=20)
    >>> x.shape, y.shape, bool(np.all(x[:, 0].argmax(axis=-1) == y))
    ((1000, 21, 8), (1000,), True)
    """
    at_least(1, sequences=sequences, symbols=symbols, distractors=distractors)
    at_least(0, delay=delay)
    first = rng.integers(0, symbols, sequences)
    rest = rng.integers(symbols, symbols + distractors, (sequences, delay))
    return Sequences(np.eye(symbols + distractors)[np.column_stack([first, rest])], first)
