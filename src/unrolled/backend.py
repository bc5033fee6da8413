"""Keras on TensorFlow, or how to get it."""

from __future__ import annotations

try:
    import keras
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "expected Keras and TensorFlow: python -m pip install 'unrolled[keras]'", name=error.name
    ) from error

__all__ = ["keras"]
