"""Other processors, other last bits, other draws: what the pages are run with, by name.

Environment variables tell NumPy, OpenBLAS and oneDNN to compute as older processors do; `startup`
changes what NumPy draws. A change of the last bit works on every machine, and stands for the
processors that nobody here can try.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sphinx_lectures.execution.kernel_environment import instructions

#: A claim must hold on every processor, with every last bit, and in this share of the draws.
PROCESSOR, LAST_BIT, DRAW = "processor", "last bit", "draw"
LEAST_SHARE = 0.9
DRAWS = 8

_NO_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
_STARTUP = {"PYTHONSTARTUP": str(Path(__file__).with_name("startup.py"))}


class Variation(NamedTuple):
    """One way to run all pages."""

    name: str
    kind: str  #: PROCESSOR, LAST_BIT or DRAW
    environment: dict  #: of the kernels
    needs: frozenset  #: instructions that the processor must have


def _processor(name, blas, disabled, onednn, *needs):
    environment = {
        "OPENBLAS_CORETYPE": blas,
        "NPY_DISABLE_CPU_FEATURES": disabled,
        "ONEDNN_MAX_CPU_ISA": onednn,
    }
    return Variation(name, PROCESSOR, environment, frozenset(needs))


def _changed(name, kind, **environment):
    return Variation(name, kind, {**_STARTUP, **environment}, frozenset())


VARIATIONS = [
    _processor("native", None, None, None),
    _processor("skylakex", "SkylakeX", None, None, "avx512f", "avx512bw", "avx512vl"),
    _processor("avx512_haswell_blas", "Haswell", None, None, "avx512f", "avx2", "fma"),
    _processor("haswell", "Haswell", _NO_AVX512, "AVX2", "avx2", "fma"),
    _processor("zen", "Zen", _NO_AVX512, "AVX2", "avx2", "fma"),
    _processor("sandybridge", "Sandybridge", _NO_AVX512, "AVX", "avx"),
    _processor("nehalem", "Nehalem", f"X86_V3 {_NO_AVX512}", "SSE41", "sse4_2"),
    *(_changed(f"last_bit_{k}", LAST_BIT, VARY_LAST_BIT=f"{k} 52") for k in (1, 2, 3)),
    _changed("last_bit_float32", LAST_BIT, VARY_LAST_BIT="1 23"),
    *(_changed(f"draw_{k}", DRAW, VARY_DRAW=str(k)) for k in range(1, DRAWS + 1)),
]


def possible(variation):
    """Whether this processor can compute in such a way."""
    return variation.needs <= instructions()
