"""The instructions with which kernels compute: the same ones wherever the processor has them.

Libraries choose their loops by what the processor offers, and sums in another order differ in the
last bit, which training amplifies into another result. The variables in `lectures_pin` ask them for
the instructions named in `lectures_pin_needs`. What the user's own environment says of these
variables does not reach a pinned kernel; a variable that is to be unset has the value None.
"""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path


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
    outer = {name: os.environ.get(name) for name in config.lectures_pin}
    pin = outer if why_not_pinned(config) else config.lectures_pin
    return {**pin, **config.lectures_kernel_environment}


def why_not_pinned(config):
    """Why kernels take the processor's own instructions, in one line; empty if they do not."""
    if not config.lectures_pin:
        return ""
    if config.lectures_unpinned:
        return "Pages compute with the processor's own instructions, as asked."
    if lacking := set(config.lectures_pin_needs.split()) - instructions():
        return (
            f"This processor ({platform.machine()}) has no {', '.join(sorted(lacking))}: pages "
            "compute with the best that it has, and last digits may differ from other machines."
        )
    return ""


def setup(app):
    app.add_config_value("lectures_pin", {}, "env", types=[dict])
    app.add_config_value("lectures_pin_needs", "", "env", types=[str])
    app.add_config_value("lectures_unpinned", False, "env", types=[bool])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
