"""What `import unrolled` gives, and what it leaves alone."""

import subprocess
import sys

import unrolled


def test_importing_the_library_imports_neither_tensorflow_nor_matplotlib():
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'scipy'}"
    program = f"import sys, unrolled; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "[]\n", "")


def test_every_public_name_is_there_and_documented():
    for name in unrolled.__all__:
        assert getattr(unrolled, name).__doc__, name
