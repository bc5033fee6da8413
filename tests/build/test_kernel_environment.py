"""Pinned kernels compute the same numbers, to the last bit, whatever the outer environment asks."""

import platform
import re
import runpy
import shutil

import pytest

from sphinx_lectures.execution.kernel_environment import instructions

# One page trains with NumPy; the other, with Keras, then prints the numbers of both.
NUMPY = """import numpy as np
rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 40)), rng.normal(size=(64, 3))
u, v = rng.normal(size=(40, 50)) / 6, rng.normal(size=(50, 3)) / 7
for _ in range(50):
    h = np.tanh(x @ u)
    d_y = (h @ v - y) / 64
    u, v = u - x.T @ ((d_y @ v.T) * (1 - h**2)), v - h.T @ d_y
print("numpy", hash(np.exp(u).tobytes()))"""
KERAS = """import keras
keras.utils.set_random_seed(0)
net = keras.Sequential([keras.Input((20, 3)), keras.layers.GRU(8), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rng.normal(size=(64, 20, 3)), y[:, :1], epochs=2, verbose=0)
print("keras", hash(b"".join(w.tobytes() for w in net.get_weights())))"""
OLDER = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Nehalem",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
}
# How many pages of memory the system was asked for, while arrays of 8 MB came and went.
FAULTS = """import numpy as np, resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    [np.ones(2**17) for _ in range(8)]
step()
before = faults()
for _ in range(50):
    step()
print("pages per step", (faults() - before) // 50)"""


@pytest.fixture
def trained(site, root):
    """A site with the project's own kernel settings, and one page that trains two networks."""
    conf = runpy.run_path(str(root / "conf.py"))
    for name in ("lectures_kernel_environment", "lectures_pin"):
        site.append("conf.py", f"{name} = {conf[name]!r}\n")
    site.append("conf.py", "lectures_cell_timeout = 300\n")
    site.page("a", f"{NUMPY}\n{KERAS}")
    return site


def numbers(site, **outer):
    """What the page prints if it is run afresh under these outer settings, and what is said."""
    shutil.rmtree(site.folder / "_build" / "outputs", ignore_errors=True)
    said = site.runs("a", "b", **outer)
    return dict(re.findall(r"(numpy|keras) (-?\d+)", site.html("a"))), said


@pytest.mark.skipif(not instructions() >= {"avx2", "fma"}, reason="the pin asks for AVX2")
def test_a_page_that_trains_gives_the_same_bits_whatever_the_outer_settings(trained):
    native, said = numbers(trained)
    assert "instructions" not in said
    assert numbers(trained, **OLDER)[0] == native
    older, said = numbers(trained, **OLDER, LECTURES_UNPINNED="1")
    assert older.keys() == native.keys() == {"numpy", "keras"}
    assert not older.items() & native.items()  # so these settings do matter
    assert "Pages compute with the processor's own instructions, as asked." in said


def test_unpinned_outputs_are_kept_apart_by_the_outer_settings(trained):
    trained.page("a", "print(os.environ.get('OPENBLAS_CORETYPE'))")
    for outer, runs in ({}, ["a", "b"]), ({"OPENBLAS_CORETYPE": "Nehalem"}, ["a", "b"]), ({}, []):
        trained.runs(*runs, LECTURES_UNPINNED="1", **outer)
        assert f"{outer.get('OPENBLAS_CORETYPE')}\n" in trained.html("a")


def test_a_processor_without_the_instructions_is_named_and_computes_as_it_can(trained):
    trained.page("a", "print(os.environ.get('OPENBLAS_CORETYPE'))")
    imported = "from sphinx_lectures.execution import kernel_environment as kernels"
    trained.append("conf.py", f"{imported}\nkernels.instructions = set\n")
    said = trained.runs("a", "b", OPENBLAS_CORETYPE="Nehalem")
    assert said.count("has no avx, avx2, bmi1, bmi2, f16c, fma, movbe: pages compute with") == 1
    assert "Nehalem\n" in trained.html("a")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc reads these variables")
def test_kernels_keep_memory_that_was_freed_unless_the_user_says_otherwise(trained):
    asked = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
    for outer, most_are_new in ({}, False), (asked, True):
        trained.page("a", f"{FAULTS}  # {outer}")  # other code, so that it runs again
        assert trained.build(**outer)[0] == 0
        pages = re.search(r"pages per step (\d+)", trained.html("a"))
        assert (int(pages[1]) > 1000) is most_are_new  # of 2048
