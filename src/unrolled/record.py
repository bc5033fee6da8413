"""Gradients by training step and time lag: kept in a file, and put into words. NumPy only."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unrolled.spectra import half_life

HEARD = 0.01  # of the largest norm: a step that receives less counts as not reached
EXPLODED = 100.0  # times the norm at the last step

Kind = Literal["vanishes", "explodes", "not finite", "steady"]


class GradientRecord(NamedTuple):
    """Gradient norms by training step and time lag.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from pathlib import Path
    >>> record = GradientRecord(np.array([0, 100]), {"lstm": np.array([[1.0, 0.5], [1.0, 0.7]])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = record.save(Path(folder) / "flow.npz")
    ...     GradientRecord.load(path).norms["lstm"][1]
    array([1. , 0.7])
    """

    steps: np.ndarray  #: batches trained before each measurement, (measurements,)
    norms: dict[str, np.ndarray]  #: by name of state, (measurements, time); [:, k] is k steps back

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the record as a NumPy ``.npz`` file, whole or not at all.

        Parameters
        ----------
        path : str or path
            Where to; ``.npz`` is added if it is missing. A file that is there is replaced.

        Returns
        -------
        Path
            The file: ``steps``, and ``norms/<name>`` for each state.
        """
        path = npz(path)
        arrays = {f"norms/{name}": norms for name, norms in self.norms.items()}
        half_written = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(half_written, "wb") as file:  # of the usual mode, unlike that of tempfile
                np.savez(file, steps=self.steps, **arrays)  # type: ignore[arg-type]
            os.replace(half_written, path)
        except BaseException:
            half_written.unlink(missing_ok=True)
            raise
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GradientRecord:
        """Read what `save` has written.

        Parameters
        ----------
        path : str or path
            The file; ``.npz`` is added if it is missing.

        Returns
        -------
        GradientRecord

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        path = npz(path)
        with open(path, "rb") as file:
            arrays = dict(np.load(path)) if zipfile.is_zipfile(file) else {}
        if "steps" not in arrays:
            what = sorted(arrays) or "no archive of arrays"
            raise ValueError(f"expected a gradient record in {path}, got {what}")
        norms = {name.removeprefix("norms/"): rows for name, rows in arrays.items() if "/" in name}
        return cls(arrays["steps"], norms)


def npz(path: str | os.PathLike[str]) -> Path:
    """The path with ``.npz``; a folder that does not exist is refused."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"expected a path in a folder that exists, got {path}")
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def describe(norms: ArrayLike, reference: float | None = None) -> tuple[Kind, str]:
    """Whether a gradient vanishes or explodes on its way back, in plain words.

    It *explodes* if it grows on its way back and some step receives 100 times the reference, and
    *vanishes* if the first half of the steps receives less than 1 % of the largest norm.

    Parameters
    ----------
    norms : ndarray of shape (time,)
        Norm of the gradient k steps before the last, for k = 0..time - 1.
    reference : float, optional
        A norm that counts as ordinary, where the layer itself may hear little of the loss at its
        last step; by default the norm of the last step that has one.

    Returns
    -------
    kind : {"vanishes", "explodes", "not finite", "steady"}
    words : str
        A sentence with the numbers. The rate is that of the line that fits the logarithms best.

    Raises
    ------
    ValueError
        If there is not one norm for each step, none negative.

    Examples
    --------
    >>> import numpy as np
    >>> describe(0.5 ** np.arange(50))[1]
    'the gradient vanishes: it halves every 1.0 steps back; of 50 steps only the last 7 receive \
more than 1 % of the largest'
    >>> describe(1.2 ** np.arange(50))[1]
    'the gradient explodes: it doubles every 3.8 steps back; one of 50 steps receives 7.6e+03 \
times as much as the last'
    """
    norms = np.asarray(norms, float)
    if norms.ndim != 1 or not norms.size or np.any(norms < 0):
        raise ValueError(f"expected one norm for each step, none negative, got {norms}")
    time, broken = len(norms), int(np.sum(~np.isfinite(norms)))
    if broken:
        return "not finite", f"the gradient is not finite at {broken} of {time} steps"
    if not norms.any():
        return "vanishes", f"the gradient is zero at all {time} steps"
    last = norms[np.flatnonzero(norms)[0]]  # at the very last c of an LSTM emits nothing
    heard = np.flatnonzero(norms >= HEARD * norms.max())
    steps = half_life(norms[::-1]) if np.count_nonzero(norms) > 1 else np.inf
    times = norms.max() / (reference or last)
    if times >= EXPLODED and steps < 0:
        whom = "the last" if reference in (None, last) else "the last step of the layers"
        return "explodes", (
            f"the gradient explodes: it doubles every {-steps:.1f} steps back; one of {time} steps "
            f"receives {times:.1e} times as much as {whom}"
        )
    if heard[-1] < time // 2:
        rate = f"it halves every {steps:.1f} steps back; " if 0 < steps < np.inf else ""
        return "vanishes", (
            f"the gradient vanishes: {rate}of {time} steps only {_which(heard)} more than 1 % of "
            "the largest"
        )
    return "steady", f"{len(heard)} of {time} steps receive more than 1 % of the largest gradient"


def _which(lags: np.ndarray) -> str:
    """Say which steps: "the last 3 receive"; "2 of the last 9 receive"."""
    count, reach = len(lags), int(lags[-1]) + 1
    if count < reach:
        return f"{count} of the last {reach} receive{'s' if count == 1 else ''}"
    return f"the last {count} receive" if count > 1 else "the last receives"
