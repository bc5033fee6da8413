"""Run by a kernel before its first cell: changes what NumPy draws, and the seeds of Keras.

``VARY_DRAW=K`` turns every seed S of `numpy.random.default_rng` into (K, S), and that of
`keras.utils.set_random_seed` into 1000 K + S. ``VARY_LAST_BIT="K N"`` multiplies every
floating-point number that NumPy draws by 1 + K / 2**N.
"""


def _vary():
    import importlib.abc
    import importlib.machinery
    import operator
    import os
    import sys

    from numpy import random

    draw, last_bit = (os.environ.get(name) for name in ("VARY_DRAW", "VARY_LAST_BIT"))
    default_rng = random.default_rng

    def other_draw(seed=None):
        try:
            return default_rng([int(draw), operator.index(seed)])
        except TypeError:  # a generator already, or no seed
            return default_rng(seed)

    class Keras(importlib.abc.MetaPathFinder):
        """Changes `keras.utils.set_random_seed` once it has been imported."""

        def find_spec(self, name, path, target=None):
            if name != "keras.utils":
                return None
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module
            return spec

    def change(module):
        own = module.set_random_seed
        module.set_random_seed = lambda seed: own(1000 * int(draw) + seed)

    class Generator(random.Generator):
        """Draws what NumPy draws, but for the last bit."""

    def scaled(name, factor):
        own = getattr(random.Generator, name)

        def draws(self, *args, **kwargs):
            drawn = own(self, *args, **kwargs)
            return drawn * (drawn.dtype.type(factor) if hasattr(drawn, "dtype") else factor)

        return draws

    if draw:
        random.default_rng = other_draw
        if "keras.utils" in sys.modules:
            change(sys.modules["keras.utils"])
        else:
            sys.meta_path.insert(0, Keras())
    if last_bit:
        number, bits = map(int, last_bit.split())
        for name in ("normal", "standard_normal", "uniform"):
            setattr(Generator, name, scaled(name, 1 + number / 2**bits))
        random.default_rng = lambda seed=None: Generator(default_rng(seed).bit_generator)


_vary()
del _vary
