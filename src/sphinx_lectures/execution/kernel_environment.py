"""What kernels find in their environment, and so with which instructions they compute.

Libraries choose their loops by what the processor offers, and sums in another order differ in the
last bit, which training amplifies into another result. `lectures_pin` names a level of instructions
that kernels keep to; what the user's own environment says of its variables does not reach them.
"""

import os
import platform
from functools import lru_cache
from pathlib import Path

from sphinx.config import ENUM

LEVEL = "x86-64-v3"
#: Its instructions, as in ``/proc/cpuinfo``.
NEEDED = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
#: How libraries are told to use these and no others; None for a variable that is not set.
PIN = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    # What else could choose instructions is not set, whatever the user's environment says.
    "NPY_ENABLE_CPU_FEATURES": None,
    "OPENBLAS_L2_SIZE": None,
    "DNNL_MAX_CPU_ISA": None,
    "TF_XLA_FLAGS": None,
    "GLIBC_TUNABLES": None,
}
#: Kernels of all sites: one thread each, which is one kernel a core and the same sums on every
#: machine; figures that carry no date; sets and dicts in one order.
ALWAYS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "SOURCE_DATE_EPOCH": "0",
    "PYTHONHASHSEED": "0",
}
#: What no result rests on: glibc keeps memory that was freed, so that the arrays of the next step
#: of a training need not ask the system for it again.
FREED_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
#: Of the user's own: code to be run first, and an order to leave out assertions.
NOT_FOR_KERNELS = {"PYTHONSTARTUP": None, "PYTHONOPTIMIZE": None}


@lru_cache(maxsize=1)
def instructions():
    """Names of the instruction sets that this processor has, as Linux knows them."""
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
        name, _, values = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(values.split())
    return frozenset()


def settings(config):
    """What kernels find in their environment, and results rest on; None for what they do not find.

    An unpinned kernel finds the variables of the pin as the user has set them.
    """
    pin = PIN if config.lectures_pin else {}
    if why_not_pinned(config):
        pin = {name: os.environ.get(name) for name in pin}
    return {**ALWAYS, **pin, **config.lectures_kernel_environment}


def build_folder(app, name):
    """A folder of the build for what is not of the site: within the doctrees if these are in it."""
    doctrees = Path(app.doctreedir)
    return (doctrees if doctrees.parent.is_relative_to(app.outdir) else doctrees.parent) / name


def environment(app):
    """All variables of kernels."""
    ipython = {"IPYTHONDIR": str(build_folder(app, "ipython"))}
    found = {**FREED_MEMORY, **os.environ, **NOT_FOR_KERNELS, **ipython, **settings(app.config)}
    return {name: value for name, value in found.items() if value is not None}


def why_not_pinned(config):
    """Why kernels take the processor's own instructions, in one line; empty if they do not."""
    if not config.lectures_pin:
        return ""
    if config.lectures_unpinned:
        return "Pages compute with the processor's own instructions, as asked."
    if lacking := NEEDED - instructions():
        return (
            f"This processor ({platform.machine()}) has no {', '.join(sorted(lacking))}: pages "
            "compute with the best that it has, and last digits may differ from other machines."
        )
    return ""


def connect(app):
    app.add_config_value("lectures_kernel_environment", {}, "env", types=[dict])
    app.add_config_value("lectures_pin", "", "env", types=ENUM("", LEVEL))
    unpinned = bool(os.environ.get("LECTURES_UNPINNED"))
    app.add_config_value("lectures_unpinned", unpinned, "env", types=[bool])
