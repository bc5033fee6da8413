"""Hypothesis draws the same examples at every run, and a busy machine fails no test."""

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture
def double_precision():
    """Losses that are given by name compute in float64, as do models unless they say otherwise."""
    import keras
    from small_models import set_precision

    before = keras.config.floatx(), keras.config.dtype_policy()
    set_precision("float64", "float64")
    yield
    set_precision(*before)
