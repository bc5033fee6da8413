"""Ctrl-C ends a build at once, in one line, with no process left behind."""

import signal


def test_an_interrupted_build_says_so_and_leaves_no_kernel(built):
    before = built.published()
    built.edit("a.md", "print(wave())", "import time\ntime.sleep(60)\nprint(wave())")
    process = built.start_and_wait_for_a_cell()
    assert built.kernels()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert said.endswith("Interrupted!\nThe build failed. _build/html is untouched.\n")
    assert not built.kernels()
    assert built.published() == before
