"""Record the gradient at every time step while a Keras model trains, and say when it goes wrong."""

from __future__ import annotations

import inspect
import operator
import os
import re
import warnings
from collections import Counter
from typing import Any

import numpy as np

from unrolled.backend import keras
from unrolled.gradient_flow import build, gradient_flow
from unrolled.record import GradientRecord, describe, npz
from unrolled.spectra import norms_by_step

GROWN = 1000.0  # times the largest norm at the first measurement


class GradientWarning(UserWarning):
    """Gradients vanish, explode or are no longer finite."""


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
        Once a layer and `fit`, with the numbers. Gradients *explode* if they grow on their way
        back until some step receives 100 times the norm at the last step (of the layer that has
        the largest there), or if the largest norm has grown to 1,000 times that of the first
        measurement, unless that was 0. They *vanish* if the first half of the steps receives less
        than 1 % of the largest norm, at three measurements in a row, those soon after the start
        left out: new networks often start so and learn not to. For an LSTM the norm is that of its
        whole state (h, c). `warnings.simplefilter("error", GradientWarning)` turns the warning
        into an error.

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
        self.terminate, self.path = terminate, None if path is None else npz(path)
        self._forget()

    def _forget(self) -> None:
        self._measured_model: Any = None
        self._step, self._epoch_start, self._updates_start = 0, 0, 0
        self._steps: list[int] = []
        self._norms: dict[str, list[np.ndarray]] = {}
        self._first: dict[str, float] = {}  # the largest norm at the first measurement

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
        # A layer below another may hear little at its last step, and more from steps before it.
        heard = [norms[norms > 0][:1] for norms in whole.values()]
        reference = float(np.concatenate(heard).max(initial=0))
        for layer, norms in whole.items():
            self._judge(layer, norms, soon, reference)
        if self.path is not None:
            self.record.save(self.path)

    def _judge(self, layer: str, norms: np.ndarray, soon: bool, reference: float) -> None:
        kind, words = describe(norms, reference)
        # One that starts at zero, below a readout of zeros, grows by any factor in good health.
        first = self._first.setdefault(layer, float(norms.max()))
        grown = norms.max() / first if first > 0 else 0.0
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
