"""Gradient norms as TensorBoard summaries, written by TensorFlow alone."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from unrolled.record import GradientRecord

DECADES = 8  # powers of ten below the largest norm that have different colours
WIDTH = 256  # of the map, in pixels
# Five places of the colour map viridis, from the smallest norm to the largest.
_COLORS = np.array([(68, 1, 84), (59, 81, 139), (33, 144, 141), (92, 200, 99), (253, 231, 37)])
_NOT_FINITE = (128, 128, 128)
_DATA_CLASSES = {"scalars": 1, "histograms": 2, "images": 3}  # of summary.proto


def write_summaries(writer: Any, record: GradientRecord) -> Any:
    """Write the last measurement of a record, and the map of all.

    Parameters
    ----------
    writer : str, path or tf.summary.SummaryWriter
        A folder, which is made if it is missing, or what the call before returned.
    record : GradientRecord
        At least one measurement. Under the tag ``gradient/<state>/`` stand the scalars ``last
        step``, ``first step`` and ``largest``, which are norms; the histogram ``log10 norm`` over
        the time steps; and the image ``map``, with the training steps from left to right, the time
        lag from the last step at the bottom to the first at the top, and a colour for each norm,
        from dark to light over 8 powers of ten. The scalar ``gradient/loss`` is that of the probe.

    Returns
    -------
    tf.summary.SummaryWriter

    Notes
    -----
    What `tf.summary.scalar`, `histogram` and `image` write in the same formats needs the package
    tensorboard, and this does not.
    """
    import tensorflow as tf

    if isinstance(writer, (str, os.PathLike)):
        writer = tf.summary.create_file_writer(os.fspath(writer))
    step = int(record.steps[-1])
    with writer.as_default():
        if record.losses.size:
            _write("gradient/loss", "scalars", np.float32(record.losses[-1]), step)
        for state, norms in record.norms.items():
            last = norms[-1]
            numbers = {"last step": last[0], "first step": last[-1], "largest": last.max()}
            for name, norm in numbers.items():
                _write(f"gradient/{state}/{name}", "scalars", np.float32(norm), step)
            logs = np.log10(last[np.isfinite(last) & (last > 0)])
            counts, edges = np.histogram(logs, bins=30) if logs.size else ((), (0.0,))
            buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
            _write(f"gradient/{state}/log10 norm", "histograms", buckets, step)
            picture = heat_map(record.steps, norms)
            png = tf.io.encode_png(picture).numpy()
            size = [str(side).encode() for side in picture.shape[1::-1]]
            _write(f"gradient/{state}/map", "images", [*size, png], step)
    writer.flush()
    return writer


def heat_map(steps: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """The map of gradient norms over training steps and time lags as a picture.

    Parameters
    ----------
    steps : ndarray of shape (measurements,)
        Training steps, ascending.
    norms : ndarray of shape (measurements, time)
        Norm of the gradient k steps before the last in column k.

    Returns
    -------
    ndarray of uint8 of shape (height, 256, 3)
        Red, green and blue; the last time step is at the bottom. Grey is not finite.
    """
    shown = np.linspace(steps[0], steps[-1], WIDTH)
    norms = norms[np.searchsorted(steps, shown, side="right") - 1].T[::-1]
    norms = np.repeat(norms, 1 + WIDTH // (2 * len(norms)), axis=0)
    with np.errstate(divide="ignore"):
        logs = np.log10(norms)
    top = logs.max(where=np.isfinite(logs), initial=-400.0)
    levels = 1 + (logs - top) / DECADES
    places = np.linspace(0, 1, len(_COLORS))
    colors = np.stack([np.interp(levels, places, channel) for channel in _COLORS.T], axis=-1)
    return np.where(np.isfinite(norms)[..., None], colors, _NOT_FINITE).astype(np.uint8)


def _write(tag: str, plugin: str, value: Any, step: int) -> None:
    import tensorflow as tf

    kind = tf.compat.v1.SummaryMetadata.PluginData(plugin_name=plugin)
    metadata = tf.compat.v1.SummaryMetadata(plugin_data=kind, data_class=_DATA_CLASSES[plugin])
    tf.summary.write(tag, value, step, metadata)
