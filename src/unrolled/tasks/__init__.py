"""Seeded data for the lectures: arrays that are small, exact in shape, and the same every time."""

from unrolled.tasks.long_memory import (
    ADDING_PROBLEM_BASELINE,
    adding_problem,
    copy_memory,
    copy_memory_baseline,
    recall,
    temporal_order,
)
from unrolled.tasks.sequences import Sequences, sign_of_mean
from unrolled.tasks.series import YearlySeries, sunspots
from unrolled.tasks.text import Characters, next_character, parallel_streams

__all__ = [
    "ADDING_PROBLEM_BASELINE",
    "Characters",
    "Sequences",
    "YearlySeries",
    "adding_problem",
    "copy_memory",
    "copy_memory_baseline",
    "next_character",
    "parallel_streams",
    "recall",
    "sign_of_mean",
    "sunspots",
    "temporal_order",
]
