"""What `import unrolled` gives, and what it leaves alone."""

import subprocess
import sys
from importlib import metadata

import pytest

import unrolled


def test_importing_the_library_imports_neither_tensorflow_nor_matplotlib():
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'scipy'}"
    program = f"import sys, unrolled; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "[]\n", "")


def test_every_public_name_is_there_and_documented():
    for name in unrolled.__all__:
        assert getattr(unrolled, name).__doc__, name


@pytest.mark.parametrize(
    ("missing", "modules", "words"),
    [
        ("keras", ["gradient_flow", "callback"], "Keras and TensorFlow: {} keras tensorflow"),
        ("tensorflow", ["models"], "Keras and TensorFlow: {} keras tensorflow"),
        ("matplotlib", ["figures", "explorable"], "Matplotlib: {} matplotlib"),
    ],
)
def test_a_module_that_lacks_a_package_says_how_to_install_it(missing, modules, words):
    for module in modules:
        program = f"import sys; sys.modules[{missing!r}] = None; import unrolled.{module}"
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        said = words.format("python -m pip install")
        assert run.stderr.splitlines()[-1] == f"ModuleNotFoundError: expected {said}"


def test_a_record_can_be_read_and_described_without_keras():
    program = "import sys, unrolled.record; print('keras' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "False\n", "")


def test_the_version_is_that_of_the_installed_package_or_says_that_there_is_none():
    assert unrolled.__version__ == metadata.version("unrolled")
    program = """
from importlib import metadata
def missing(name):
    raise metadata.PackageNotFoundError(name)
metadata.version = missing
import unrolled
print(unrolled.__version__)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "0+unknown\n", "")
