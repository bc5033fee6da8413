"""Record the gradient at every time step while a Keras model trains, and say when it goes wrong."""

from __future__ import annotations

import inspect
import operator
import os
import re
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from unrolled.gradient_flow import build, gradient_flow
from unrolled.spectra import half_life, norms_by_step

HEARD = 0.01  # of the largest norm: a step that receives less counts as not reached
EXPLODED = 100.0  # times the norm at the last step
GROWN = 1000.0  # times the largest norm at the first measurement


class GradientWarning(UserWarning):
    """Gradients vanish, explode or are no longer finite."""


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
        path = _npz(path)
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
        path = _npz(path)
        with open(path, "rb") as file:
            arrays = dict(np.load(path)) if zipfile.is_zipfile(file) else {}
        if "steps" not in arrays:
            what = sorted(arrays) or "no archive of arrays"
            raise ValueError(f"expected a gradient record in {path}, got {what}")
        norms = {name.removeprefix("norms/"): rows for name, rows in arrays.items() if "/" in name}
        return cls(arrays["steps"], norms)


def _npz(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"expected a path in a folder that exists, got {path}")
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


class GradientFlowCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure the gradient flow on one batch while `fit` runs, and warn when it goes wrong.

    A measurement stands before the first batch, after every `every` batches and after the last;
    and, since runs that explode mostly do so soon, after the batches 1, 2, 4, 8, ... up to `every`.
    Each costs about as much as one or two steps of training on the probe, so that in a long run
    a probe of the size of a batch costs one to two per cent; the first measurement also compiles.
    A model that is not built yet is built for sequences like those of the probe.

    Parameters
    ----------
    x, y : array_like
        The probe: sequences and targets as `fit` takes them, the same at every measurement. One
        batch is enough.
    every : int
        Batches between measurements.
    loss : str, keras.losses.Loss or callable, optional
        As for `gradient_flow`; the compiled loss by default.
    terminate : bool
        End the training when gradients explode or the loss is no longer finite.
    path : str or path, optional
        Where to save the record after every measurement, so that a run that is killed leaves it;
        in a folder that exists.

    Attributes
    ----------
    record : GradientRecord
        What was measured so far: the norm of each state's gradient at each time lag, Euclidean
        over the units, root mean square over the probe, computed in float64. It goes on if the
        same model is fitted again.

    Raises
    ------
    ValueError
        If `every` is less than 1; and when `fit` starts, whatever `gradient_flow` refuses.
    FileNotFoundError
        If `path` is in a folder that does not exist.

    Warns
    -----
    GradientWarning
        Once a layer and `fit`, with the numbers. Gradients *explode* if some step receives 100
        times the norm of the last step, or the largest norm has grown to 1,000 times that of the
        first measurement. They *vanish* if the first half of the steps receives less than 1 % of
        the largest norm, at three measurements in a row, those soon after the start left out: new
        networks often start so and learn not to. For an LSTM the norm is that of its whole state
        (h, c). `warnings.simplefilter("error", GradientWarning)` turns the warning into an error.

    Notes
    -----
    Where the model predicts at every step, each step has a loss of its own, and a gradient that
    dies out within ten steps looks as level as one that reaches all. Give the probe a loss of the
    last step then: ``loss=lambda y, p: keras.losses.mse(y[:, -1], p[:, -1])``.

    Examples
    --------
    >>> import numpy as np
    >>> from unrolled.models import many_to_one
    >>> from unrolled.tasks import sign_of_mean
    >>> x, y = sign_of_mean(64, np.random.default_rng(0), length=8)
    >>> callback = GradientFlowCallback(x[:32], y[:32], every=2)
    >>> history = many_to_one("GRU", seed=0).fit(x, y, batch_size=16, verbose=0,
    ...                                          callbacks=[callback])
    >>> callback.record.steps, callback.record.norms["gru"].shape
    (array([0, 1, 2, 4]), (4, 8))
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        every: int = 100,
        loss: Any = None,
        terminate: bool = False,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if operator.index(every) < 1:
            raise ValueError(f"expected every to be at least 1, got {every}")
        self.x, self.y, self.every, self.loss = x, y, every, loss
        self.terminate, self.path = terminate, None if path is None else _npz(path)
        self._forget()

    def _forget(self) -> None:
        self._measured_model: Any = None
        self._step, self._epoch_start, self._updates_start = 0, 0, 0
        self._steps: list[int] = []
        self._norms: dict[str, list[np.ndarray]] = {}
        self._largest: dict[str, float] = {}  # norm at the first measurement that is not zero

    @property
    def record(self) -> GradientRecord:
        """What was measured so far."""
        norms = {name: np.array(rows) for name, rows in self._norms.items()}
        return GradientRecord(np.array(self._steps, dtype=int), norms)

    def on_train_begin(self, logs: Any = None) -> None:
        """Measure the model as it is before the first step."""
        if self.model is not self._measured_model:
            self._forget()
            self._measured_model = self.model
        self._said: set[tuple[str, str]] = set()
        self._vanished: Counter[str] = Counter()  # measurements in a row
        if not self.model.built:
            build(self.model, self.x)
        self._measure()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Count batches from the start of the epoch."""
        self._epoch_start, self._updates_start = self._step, self._updates

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Measure if `every` batches have passed; look at the loss."""
        batches, updates = batch + 1, self._updates - self._updates_start
        # The last call of an epoch may count more than there were.
        if steps := (self.params or {}).get("steps"):
            batches = min(batches, steps)
        elif 0 < batches - updates < self.model.steps_per_execution:
            batches = updates
        before, self._step = self._step, self._epoch_start + batches
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            self._warn("", "loss", f"the loss is {loss} ({self._when})")
            self.model.stop_training |= self.terminate
        elif self._step // self.every > before // self.every:
            self._measure()
        elif self._step < self.every and self._step.bit_length() > before.bit_length():
            self._measure(soon=True)  # a power of two has been passed

    def on_train_end(self, logs: Any = None) -> None:
        """Measure what has been learned."""
        self._measure()

    def _measure(self, soon: bool = False) -> None:
        if self._steps and self._steps[-1] == self._step:
            return
        flow = gradient_flow(self.model, self.x, self.y, self.loss)
        self._steps.append(self._step)
        whole: dict[str, np.ndarray] = {}  # norm of all states of a layer together
        for name, gradient in flow.items():
            flat = gradient.reshape(*gradient.shape[:2], -1)
            with np.errstate(over="ignore", invalid="ignore"):  # not finite is said in words
                norms = norms_by_step(flat)[::-1]
            self._norms.setdefault(name, []).append(norms)
            layer = re.sub(r"/(c|\d+)$", "", name)
            whole[layer] = np.hypot(whole.get(layer, 0), norms)
        for layer, norms in whole.items():
            self._judge(layer, norms, soon)
        if self.path is not None:
            self.record.save(self.path)

    def _judge(self, layer: str, norms: np.ndarray, soon: bool) -> None:
        kind, words = describe(norms)
        if norms.max() > 0:
            self._largest.setdefault(layer, float(norms.max()))
        grown = norms.max() / self._largest.get(layer, np.inf)
        if kind not in ("explodes", "not finite") and grown >= GROWN:
            kind = "explodes"
            words = (
                f"the gradient explodes: its largest norm has grown to {grown:.1e} times the first"
            )
        if not soon:
            self._vanished[layer] = self._vanished[layer] + 1 if kind == "vanishes" else 0
        if kind in ("explodes", "not finite"):
            self._warn(layer, kind, f"{layer}: {words} ({self._when})")
            self.model.stop_training |= self.terminate
        elif self._vanished[layer] >= 3:
            self._warn(layer, kind, f"{layer}: {words} ({self._when})")

    @property
    def _updates(self) -> int:
        """How often the optimizer was called, those that only accumulate gradients included."""
        return int(getattr(self.model.optimizer, "_iterations", 0))

    @property
    def _when(self) -> str:
        return f"after batch {self._step}" if self._step else "before the first batch"

    def _warn(self, layer: str, kind: str, words: str) -> None:
        if (layer, kind) not in self._said:
            self._said.add((layer, kind))
            warnings.warn(words, GradientWarning, stacklevel=3)


# Where Keras is mocked, as for the reference, its base class would hide the parameters.
GradientFlowCallback.__signature__ = inspect.signature(GradientFlowCallback)


def describe(norms: np.ndarray) -> tuple[str, str]:
    """Whether a gradient vanishes or explodes on its way back, in plain words.

    Parameters
    ----------
    norms : ndarray of shape (time,)
        Norm of the gradient k steps before the last, for k = 0..time - 1.

    Returns
    -------
    kind : {"vanishes", "explodes", "not finite", "steady"}
        See `GradientFlowCallback` for what counts as which.
    words : str
        A sentence with the numbers. The rate is that of the line that fits the logarithms best.

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
    time, broken = len(norms), int(np.sum(~np.isfinite(norms)))
    if broken:
        return "not finite", f"the gradient is not finite at {broken} of {time} steps"
    lags = np.flatnonzero(norms)  # the cell state of an LSTM emits nothing at the last step
    if len(lags) == 0:
        return "vanishes", f"the gradient is zero at all {time} steps"
    reach = int(np.flatnonzero(norms >= HEARD * norms.max())[-1]) + 1
    times = norms.max() / norms[lags[0]]
    if times >= EXPLODED:
        return "explodes", (
            f"the gradient explodes: it {_rate(norms)}; one of {time} steps receives "
            f"{times:.1e} times as much as the last"
        )
    if reach <= time // 2:
        return "vanishes", (
            f"the gradient vanishes: it {_rate(norms)}; of {time} steps only the last "
            f"{reach} receive more than 1 % of the largest"
        )
    return "steady", f"{reach} of {time} steps receive more than 1 % of the largest gradient"


def _rate(norms: np.ndarray) -> str:
    if np.count_nonzero(norms) < 2:
        return "is zero at all steps but one"
    steps = half_life(norms[::-1])
    return f"{'halves' if steps > 0 else 'doubles'} every {abs(steps):.1f} steps back"
