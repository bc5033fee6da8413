"""Make `.venv` from requirements.lock: a script for any Python 3, with the standard library only.

pip installs one package, uv, at the version and hashes of the lock; uv installs all others.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager

OLDEST, NEWEST = (3, 11), (3, 13)
PREVIOUS = ".venv.previous"
OFFLINE = (
    "dns error|Name or service not known|name resolution|NewConnectionError|ConnectionError"
    "|ConnectTimeout|error sending request|Network is unreachable|Could not find a version|[Pp]roxy"
)


def main():
    python = find_python(named="named" in sys.argv)
    if not os.access(".", os.W_OK):
        stop(f"cannot write to {os.getcwd()}: make html needs a folder it may write to")
    with previous_kept():
        install(python)


@contextmanager
def previous_kept():
    """Put the previous .venv back if no new one comes about; if killed, at the next call."""
    if os.path.isdir(PREVIOUS):
        shutil.rmtree(".venv", ignore_errors=True)
        os.rename(PREVIOUS, ".venv")
    if os.path.isdir(".venv"):
        os.rename(".venv", PREVIOUS)
    try:
        yield
    except BaseException:
        shutil.rmtree(".venv", ignore_errors=True)
        if os.path.isdir(PREVIOUS):
            os.rename(PREVIOUS, ".venv")
        raise
    shutil.rmtree(PREVIOUS, ignore_errors=True)


def install(python):
    """Make .venv and install the locked packages and the project."""
    venv_python = os.path.join(".venv", "bin", "python")
    print(f"Setting up .venv with {python} (once; about a minute).", flush=True)
    run("create .venv", [python, "-m", "venv", ".venv"])
    with tempfile.TemporaryDirectory() as folder:
        uv_lock = os.path.join(folder, "uv.lock")
        with open("requirements.lock", encoding="utf-8") as lock, open(uv_lock, "w") as out:
            out.write(re.search(r"^uv==.*?(?=^\S)", lock.read() + "\nend", re.M | re.S).group())
        pip = [venv_python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run("install uv", [*pip, "--retries", "2", "--require-hashes", "-r", uv_lock])
    uv = [venv_python, "-m", "uv", "pip", "install", "--quiet", "--python", venv_python]
    run(
        "install the locked packages",
        [*uv, "--require-hashes", "--compile-bytecode", "-r", "requirements.lock"],
    )
    run("install the project", [*uv, "--no-deps", "--no-build-isolation", "--editable", "."])
    # The folders of bytecode, if a build made them, would look to make like an edit of src.
    run("compile src", [venv_python, "-m", "compileall", "-q", "src"])
    with open(os.path.join(".venv", "installed"), "w", encoding="utf-8") as installed:
        installed.write(os.getcwd())  # make compares it with where it is


def find_python(named=False):
    """This interpreter if its version will do, or another one on the PATH if it was not named."""
    this = sys.executable if sys.prefix == sys.base_prefix else os.path.realpath(sys.executable)
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    for candidate in [this, *([] if named else filter(None, map(shutil.which, names)))]:
        asked = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        version = tuple(map(int, asked.stdout.split()))
        if OLDEST <= version[:2] <= NEWEST:
            return candidate
    return stop(
        "needs Python 3.11, 3.12 or 3.13; {} is {}.{}. Name another one: "
        "make html PYTHON=/path/to/python3.12".format(
            sys.executable if named else "python3", *sys.version_info[:2]
        )
    )


def run(what, command):
    """Run a command quietly; if it fails, say in one line what could not be done."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()
        if "ensurepip is not available" in said:
            stop("could not create .venv: the venv module is missing (Debian: python3-venv)")
        if re.search(OFFLINE, said):
            stop(
                f"could not {what}: no package registry could be reached; the first make html "
                "needs the network, later ones do not"
            )
        stop(f"could not {what}:\n{said}")


def stop(message):
    sys.exit("unrolled: " + message)


if __name__ == "__main__":
    main()
