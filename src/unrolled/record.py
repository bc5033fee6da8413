"""Gradients by training step and time lag: kept in a file, and put into words. NumPy only."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unrolled.spectra import half_life, norms_by_step

REACHED = 0.01  # of the largest norm: a step that receives less counts as not reached
EXPLODED = 100.0  # times the norm at the last step
FALLEN = 0.1  # of the first loss: a loss that has fallen by less counts as not falling

Kind = Literal["vanishes", "explodes", "not finite", "steady"]

#: What a finding usually means and what to try: if the loss falls, and otherwise.
_ADVICE = {
    "vanishes": (
        "The loss falls. If it is below that of guessing, the last steps may be all that the task "
        "needs. If it needs earlier ones, train on and watch how far back the gradient reaches "
        '(see "Diagnosis").',
        "Inputs further back hardly change the weights. If the task needs them, try an LSTM with a "
        "larger forget bias, or an initialization that keeps the gradient level (see "
        '"Gated cells" and "Initialization").',
    ),
    "explodes": (
        "The loss falls, but a single update may still make the weights run away. Clip the "
        'gradient by its norm (see "Gradient clipping").',
        "A single update may make the weights run away. Clip the gradient by its norm, lower the "
        'learning rate or start from smaller recurrent weights (see "Gradient clipping" and '
        '"Initialization").',
    ),
    "not finite": 2 * (
        "A weight, a state or the loss has overflowed or is NaN. Look for NaN in the training "
        "data. If there is none, return to earlier weights, clip the gradient and lower the "
        'learning rate (see "Gradient clipping" and "Diagnosis").',
    ),
    "zero": 2 * (
        "No path leads from these states to the loss, or all ReLU units are dead, or a mask covers "
        'every step: look at the states and at the loss function (see "Diagnosis").',
    ),
    "steady": (
        "This is no sign of trouble.",
        "If the loss does not fall, another cause is likelier than the gradient: check the labels, "
        'the learning rate and the size of the model (see "Diagnosis").',
    ),
}  # fmt: skip


class GradientRecord(NamedTuple):
    """Gradient norms, and the loss, by training step and time lag.

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
    losses: np.ndarray = np.empty(0)  #: loss of the probe, (measurements,); empty if not measured

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the record as a NumPy ``.npz`` or a ``.csv`` file, whole or not at all.

        Parameters
        ----------
        path : str or path
            Where to; ``.npz`` is added if it ends in neither. A file that is there is replaced.

        Returns
        -------
        Path
            The file. As ``.npz`` it holds ``steps``, ``losses``, and ``norms/<name>`` for each
            state. As ``.csv`` it has a row for each number and the columns ``step,state,lag,norm``
            and ``loss``, where lag counts steps back from the last and loss is that of the
            measurement, empty if it was not measured.
        """
        path = checked(path)
        half_written = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(half_written, "wb") as file:  # of the usual mode, unlike that of tempfile
                if path.suffix == ".csv":
                    file.write(self._csv().encode())
                else:
                    arrays = {f"norms/{name}": norms for name, norms in self.norms.items()}
                    arrays |= {"steps": self.steps, "losses": self.losses}
                    np.savez(file, **arrays)  # type: ignore[arg-type]
            os.replace(half_written, path)
        except BaseException:
            half_written.unlink(missing_ok=True)
            raise
        return path

    def _csv(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("step", "state", "lag", "norm", "loss"))
        losses = self.losses.tolist() or [""] * len(self.steps)
        for i, (step, loss) in enumerate(zip(self.steps.tolist(), losses, strict=True)):
            for state, norms in self.norms.items():
                table.writerows((step, state, *row, loss) for row in enumerate(norms[i].tolist()))
        return text.getvalue()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GradientRecord:
        """Read what `save` has written as ``.npz``.

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
        path = checked(path)
        with open(path, "rb") as file:
            arrays = dict(np.load(path)) if zipfile.is_zipfile(file) else {}
        if "steps" not in arrays:
            what = sorted(arrays) or "no archive of arrays"
            raise ValueError(f"expected a gradient record in {path}, got {what}")
        norms = {name.removeprefix("norms/"): rows for name, rows in arrays.items() if "/" in name}
        return cls(arrays["steps"], norms, arrays.get("losses", np.empty(0)))


def checked(path: str | os.PathLike[str]) -> Path:
    """The path, with ``.npz`` unless it has a suffix known here; its folder must exist."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"expected a path in a folder that exists, got {path}")
    return path if path.suffix in (".npz", ".csv") else path.with_name(path.name + ".npz")


def layer_norms(norms: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], float]:
    """Norm of the whole state of each layer, such as (h, c), and one that counts as ordinary.

    Parameters
    ----------
    norms : mapping of str to ndarray of shape (time,)
        By name of state; number k is k steps before the last.

    Returns
    -------
    norms : dict of str to ndarray of shape (time,)
        By name of layer.
    reference : float
        The norm at the last step that has one, of the layer where it is largest: a layer below
        another may receive little at its last step, and more at steps before it.
    """
    whole: dict[str, np.ndarray] = {}
    for name, of_state in norms.items():
        layer = re.sub(r"/(c|\d+)$", "", name)
        whole[layer] = np.hypot(whole.get(layer, 0), of_state)
    last = [of_layer[of_layer > 0][:1] for of_layer in whole.values()]
    return whole, float(np.concatenate(last).max(initial=0))


def check_measured(measured: Any) -> None:
    """Refuse what is no mapping from names of states, or an empty one."""
    if not isinstance(measured, Mapping) or not measured:
        got = "nothing" if isinstance(measured, Mapping) else type(measured).__name__
        raise ValueError(
            f"expected what gradient_flow returns, or a record with a measurement, got {got}"
        )


def falls(losses: ArrayLike) -> bool:
    """Whether the last loss is finite, and lower than the first by more than a tenth."""
    losses = np.asarray(losses, float)
    if len(losses) < 2 or not np.isfinite(losses[-1]):
        return False
    return bool(losses[0] - losses[-1] > FALLEN * abs(losses[0]))


def explain(measured: GradientRecord | Mapping[str, np.ndarray]) -> str:
    """Say what was found, what it usually means, what to try, and which lecture explains it.

    Parameters
    ----------
    measured : GradientRecord or mapping of str to ndarray of shape (batch, time, ...units)
        ``callback.record``, of which the last measurement is described and the loss is compared
        with that of the first; or what `gradient_flow` returns.

    Returns
    -------
    str
        A paragraph for each layer: the words of `describe`, then advice, with lectures named by
        their titles. h and c of an LSTM count as one state. If a gradient that vanishes now
        exploded earlier in the record, that is said and treated first. The loss counts as falling
        if it is lower than at the first measurement by more than a tenth, which a model may also
        achieve by predicting the mean of the targets.

    Examples
    --------
    >>> import numpy as np
    >>> from textwrap import fill
    >>> norms = np.array([0.5 ** np.arange(50)] * 2)
    >>> print(fill(explain(GradientRecord(np.array([0, 9]), {"gru": norms}, np.array([9, 5])))))
    gru: the gradient vanishes: it halves every 1.0 steps back; of 50
    steps only the last 7 receive more than 1% of the largest. The loss
    falls. If it is below that of guessing, the last steps may be all that
    the task needs. If it needs earlier ones, train on and watch how far
    back the gradient reaches (see "Diagnosis").
    """
    check_measured(measured.norms if isinstance(measured, GradientRecord) else measured)
    if isinstance(measured, GradientRecord):
        norms = {name: rows[-1] for name, rows in measured.norms.items()}
        column, exploded = 0 if falls(measured.losses) else 1, _exploded(measured)
    else:
        norms = {name: norms_by_step(gradient)[::-1] for name, gradient in measured.items()}
        column, exploded = 1, {}
    whole, reference = layer_norms(norms)
    paragraphs = []
    for layer, of_layer in whole.items():
        kind, words = describe(of_layer, reference)
        advice = _ADVICE[kind if of_layer.any() else "zero"][column]
        if kind == "vanishes" and layer in exploded:
            before = f"But it exploded before that, at step {exploded[layer]}."
            advice = f"{before} {_ADVICE['explodes'][1]}"
        paragraphs.append(f"{layer}: {words}. {advice}")
    return "\n\n".join(paragraphs)


def _exploded(record: GradientRecord) -> dict[str, int]:
    """After how many batches the gradient of a layer exploded first, by layers where it did."""
    first: dict[str, int] = {}
    for number, step in enumerate(record.steps.tolist()):
        rows = {name: norms[number] for name, norms in record.norms.items()}
        whole, reference = layer_norms(rows)
        for layer, of_layer in whole.items():
            if describe(of_layer, reference)[0] in ("explodes", "not finite"):
                first.setdefault(layer, step)
    return first


def describe(norms: ArrayLike, reference: float | None = None) -> tuple[Kind, str]:
    """Whether a gradient vanishes or explodes on its way back, in plain words.

    It *explodes* if it grows on its way back and some step receives 100 times the reference, and
    *vanishes* if the first half of the steps receives less than 1% of the largest norm.

    Parameters
    ----------
    norms : ndarray of shape (time,)
        Norm of the gradient k steps before the last, for k = 0..time - 1.
    reference : float, optional
        A norm that counts as ordinary, where the layer itself may receive little at its last step;
        by default the norm of the last step that has one.

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
more than 1% of the largest'
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
    reached = np.flatnonzero(norms >= REACHED * norms.max())
    steps = half_life(norms[::-1]) if np.count_nonzero(norms) > 1 else np.inf
    with np.errstate(over="ignore"):
        times = norms.max() / (reference or last)
    if times >= EXPLODED and steps < 0:
        whom = "the last" if reference in (None, last) else "the last step of the layers"
        return "explodes", (
            f"the gradient explodes: {_rate(steps)}; one of {time} steps "
            f"receives {times:.1e} times as much as {whom}"
        )
    if reached[-1] < time // 2:
        rate = _rate(steps) + "; " if 0 < steps < np.inf else ""
        return "vanishes", (
            f"the gradient vanishes: {rate}of {time} steps only {_which(reached)} more than 1% of "
            "the largest"
        )
    return "steady", f"{len(reached)} of {time} steps receive more than 1% of the largest gradient"


def _rate(steps: float) -> str:
    """Say how fast: "it halves every 3.0 steps back"; "each step back multiplies it by 1e-09"."""
    if abs(steps) >= 0.5:
        return f"it {'halves' if steps > 0 else 'doubles'} every {abs(steps):.1f} steps back"
    return f"each step back multiplies it by {2.0 ** np.clip(-1 / steps, -1022, 1023):.0e}"


def _which(lags: np.ndarray) -> str:
    """Say which steps: "the last 3 receive"; "2 of the last 9 receive"."""
    count, reach = len(lags), int(lags[-1]) + 1
    if count < reach:
        return f"{count} of the last {reach} receive{'s' if count == 1 else ''}"
    return f"the last {count} receive" if count > 1 else "the last receives"
