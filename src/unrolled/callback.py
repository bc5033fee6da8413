"""Record the gradient at every time step while a Keras model trains, and say when it goes wrong."""

from __future__ import annotations

import inspect
import operator
import os
import warnings
from collections import Counter
from typing import Any

import numpy as np

from unrolled.gradient_flow import GradientFlow, build
from unrolled.keras_inputs import as_arrays, first_batch
from unrolled.probes import keras
from unrolled.record import GradientRecord, checked, describe, falls, layer_norms
from unrolled.spectra import norms_by_step
from unrolled.tensorboard import write_summaries

GROWN = 1000.0  # times the largest norm at the median measurement
LEARNED = 0.05  # of the loss with the targets of other sequences, by which the loss is lower


class GradientWarning(UserWarning):
    """Gradients vanish, explode or are no longer finite."""


class GradientFlowCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure the gradient flow on one batch while `fit` runs, and warn when it goes wrong.

    A measurement is made before the first batch, after every `every` batches and after the last;
    and, since most explosions come early, after the batches 1, 2, 4, 8, ... up to `every`. Each
    costs about as much as one or two training steps on the probe; the first also compiles. A model
    that is not built yet is built for sequences like those of the probe.

    Parameters
    ----------
    x, y : array_like
        The probe: sequences and targets as `fit` takes them, the same at every measurement. One
        batch is enough. x may be a tf.data.Dataset or a keras.utils.PyDataset, whose first batch
        is taken, without y.
    sample_weight, class_weight, layers, loss
        As for `gradient_flow`: weights of the loss, names of the layers to measure, and a loss in
        place of the compiled one.
    every : int
        Batches between measurements.
    terminate : bool
        Whether to end the training when gradients explode or the loss is no longer finite.
    path : str or path, optional
        Where to save the record after every measurement, in a folder that exists: as a table if it
        ends in ``.csv``, otherwise as ``.npz`` (see `GradientRecord.save`).
    log_dir : str or path, optional
        A folder for TensorBoard: norms of each layer as scalars and histograms, and the map of all
        measurements as an image (see `unrolled.tensorboard.write_summaries`). The package
        tensorboard is needed to look at them, not to write them.

    Attributes
    ----------
    record : GradientRecord
        What was measured so far: the norm of each state's gradient at each time lag, Euclidean
        over the units, root mean square over the probe, computed in float64; and the loss of the
        probe. It goes on if the same model is fitted again, and is replaced if another one is.

    Raises
    ------
    ValueError
        If `every` is less than 1; and when `fit` starts, whatever `gradient_flow` refuses.
    FileNotFoundError
        If `path` is in a folder that does not exist.

    Warns
    -----
    GradientWarning
        Once per layer and kind, with the numbers. Gradients *explode* if they grow on their way
        back until some step receives 100 times the norm at the last step (of the layer that has
        the largest there); or if the largest norm is 1,000 times its median over all measurements
        so far and the loss is higher than at the first. They *vanish* if the first half of the
        steps receives less than 1% of the largest norm at three measurements in a row, those after
        batches 1, 2, 4, ... left out, unless the model has learned from its input all the same:
        then the loss is lower by more than 5% than with the targets of the probe dealt to its
        sequences at random, which one more measurement finds out. (A loss that falls is no proof,
        as it also falls to that of the mean target. Without y it has to do: by more than a tenth
        since the first measurement.) For an LSTM the norm is that of its whole state (h, c).
        `warnings.simplefilter("error", GradientWarning)` turns the warning into an error.

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
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        layers: Any = None,
        every: int = 100,
        loss: Any = None,
        terminate: bool = False,
        path: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if operator.index(every) < 1:
            raise ValueError(f"expected every to be at least 1, got {every}")
        self.x, self.y, sample_weight = first_batch(x, y, sample_weight)
        self.weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        self.layers, self.every, self.loss, self.terminate = layers, every, loss, terminate
        self.path, self.log_dir = None if path is None else checked(path), log_dir
        self._flow: Any = None  # measures the model that is fitted
        self._forget()

    def _forget(self) -> None:
        self._step, self._epoch_start, self._updates_start = 0, 0, 0
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._norms: dict[str, list[np.ndarray]] = {}
        self._largest: dict[str, list[float]] = {}  # norm of each layer at each measurement
        self._vanished: Counter[str] = Counter()  # measurements in a row
        self._said: set[tuple[str, str]] = set()
        self._writer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """All but the writer of summaries, which belongs to this process."""
        return vars(self) | {"_writer": None}

    @property
    def record(self) -> GradientRecord:
        """What was measured so far."""
        norms = {name: np.array(rows) for name, rows in self._norms.items()}
        return GradientRecord(np.array(self._steps, dtype=int), norms, np.array(self._losses))

    def on_train_begin(self, logs: Any = None) -> None:
        """Measure the model as it is before the first step."""
        if self._flow is None or self._flow.model is not self.model:
            self._forget()
        if not self.model.built:
            build(self.model, self.x)
        self._flow = GradientFlow(self.model, self.loss, layers=self.layers)
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
            self._warn("", "loss", f"the loss is {loss}")
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
        flow = self._flow(self.x, self.y, **self.weights)
        with np.errstate(over="ignore", invalid="ignore"):  # not finite is said in words
            latest = {name: norms_by_step(gradient)[::-1] for name, gradient in flow.items()}
        self._steps.append(self._step)
        self._losses.append(flow.loss)
        for name, norms in latest.items():
            self._norms.setdefault(name, []).append(norms)
        self._judge(latest, soon)
        if self.path is not None:
            self.record.save(self.path)
        if self.log_dir is not None:
            self._writer = write_summaries(self._writer or self.log_dir, self.record)

    def _judge(self, latest: dict[str, np.ndarray], soon: bool) -> None:
        whole, reference = layer_norms(latest)
        found = {layer: self._found(layer, norms, reference) for layer, norms in whole.items()}
        for layer, (kind, words) in found.items():
            if kind in ("explodes", "not finite"):
                self._warn(layer, kind, words)
                self.model.stop_training |= self.terminate
            if not soon:
                self._vanished[layer] = self._vanished[layer] + 1 if kind == "vanishes" else 0
        late = [layer for layer in found if self._vanished[layer] >= 3]
        late = [layer for layer in late if (layer, "vanishes") not in self._said]
        if late and not soon and not self._learns():
            for layer in late:
                self._warn(layer, *found[layer])

    def _found(self, layer: str, norms: np.ndarray, reference: float) -> tuple[str, str]:
        kind, words = describe(norms, reference)
        # One that starts near zero, below a readout of zeros, grows by any factor in good health.
        largest = self._largest.setdefault(layer, [])
        largest.append(float(norms.max()))
        usual, risen = float(np.median(largest)), self._losses[-1] > self._losses[0]
        if kind in ("vanishes", "steady") and risen and largest[-1] >= GROWN * usual > 0:
            return "explodes", (
                f"the gradient explodes: its largest norm is {largest[-1] / usual:.1e} times the "
                "median of all measurements, and the loss has risen"
            )
        return kind, words

    def _learns(self) -> bool:
        """Whether the loss is lower than with the targets of other sequences."""
        if self.y is None:
            return falls(self._losses)
        y = as_arrays("y", self.y, len(getattr(self.model, "outputs", None) or []))
        dealt = keras.tree.map_structure(
            lambda part: None if part is None else np.random.default_rng(0).permutation(part), y
        )
        loss = float(self._flow(self.x, dealt, **self.weights).loss)
        return loss - self._losses[-1] > LEARNED * abs(loss)

    @property
    def _updates(self) -> int:
        """How often the optimizer was called, those that only accumulate gradients included."""
        count = getattr(self.model.optimizer, "_iterations", 0)
        return int(np.asarray(count))  # also where each device has one

    @property
    def _when(self) -> str:
        return f"after batch {self._step}" if self._step else "before the first batch"

    def _warn(self, layer: str, kind: str, words: str) -> None:
        if (layer, kind) not in self._said:
            self._said.add((layer, kind))
            text = f"{layer}: {words} ({self._when})".removeprefix(": ")
            warnings.warn(text, GradientWarning, stacklevel=3)


# Where Keras is mocked, as for the reference, its base class would hide the parameters.
GradientFlowCallback.__signature__ = inspect.signature(GradientFlowCallback)
