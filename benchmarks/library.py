"""How long gradients through time take: this library, automatic differentiation, and the floor.

``python benchmarks/library.py`` measures the smaller sizes in a few minutes, ``--full`` all of
them. Each contender computes the loss, its gradient with respect to every state and with respect
to every weight, in a process of its own, and they take turns: the thread pools of two of them in
one process, or at one time, would fight. Only the ratios mean something elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
from contenders import CELLS, CONTENDERS, FEATURES, Problem

from unrolled import fast
from unrolled.optimizers import Adam, clip_by_norm
from unrolled.training import SequenceModel

SILENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
SIZES = [(1, 50, 10), (32, 50, 10), (32, 100, 64), (64, 200, 128), (64, 500, 256), (16, 1000, 512)]
LENGTHS = [100, 1000, 10_000]  #: of the sequences in which the gradient flow is measured
LINUX = sys.platform == "linux"
ROUNDS = 5  #: turns that every contender takes
TURN = 0.2  #: seconds that a turn lasts, unless a single call takes longer
AGREEMENT = 1e-3  #: largest relative difference of the norms of two contenders' gradients


# The other things to measure, each in a process of its own as well.


def gemm_rate(dtype):
    """Floating-point operations a second in a large matrix product, at best."""
    matrix = np.ones((1024, 1024), dtype)
    return 2 * 1024**3 / min(clock(lambda: matrix @ matrix) for _ in range(10))


def subnormals():
    """Seconds of a vanishing gradient with and without its flush to zero."""
    # Each unit by itself: 0.8 of the smallest number is rounded to that number, for ever.
    p = Problem("tanh", (32, 1000, 64), "float32", recurrent="identity", gain=0.8)
    run = CONTENDERS["unrolled"][0](p)
    with mock.patch.object(fast, "FLUSH_EVERY", 10**9):
        kept = float(np.median([clock(run) for _ in range(7)]))
    return [float(np.median([clock(run) for _ in range(7)])), kept]


def plain_loops():
    """Time of a training update in the cells' own steps over that in place: the range of ratios."""
    ratios = []
    for kind, units, batch, steps in product(CELLS.values(), (10, 64), (1, 32), (50, 100)):
        rng = np.random.default_rng(0)
        cell = kind.initialize(2, units, rng, dtype="float32")
        model = SequenceModel.initialize(cell, outputs=1, rng=rng)
        x = rng.normal(size=(batch, steps, 2)).astype("float32")
        call = partial(update, model, Adam(model.parameters), x, rng.normal(size=batch))
        times = []
        for _ in range(30):
            in_place = clock(call)
            with mock.patch.object(fast, "knows", lambda cell: False):
                times.append((clock(call), in_place))
        plain, in_place = np.min(times, axis=0)
        ratios.append(float(plain / in_place))
    return min(ratios), max(ratios)


def update(model, adam, x, y):
    gradients, _ = clip_by_norm(model.loss_and_gradients(x, y).gradients, 1.0)
    adam.update(gradients)


def keras_steps(length):
    """Seconds of a measurement of the gradient flow and of a training step of a Keras LSTM.

    They take turns; the smallest time of each counts.
    """
    from unrolled.gradient_flow import GradientFlow
    from unrolled.models import many_to_one

    model, rng = many_to_one("LSTM", units=64, features=FEATURES, seed=0), np.random.default_rng(0)
    x, y = rng.normal(size=(32, length, FEATURES)).astype("float32"), rng.integers(0, 2, (32, 1))
    calls = partial(GradientFlow(model), x, y), partial(model.train_on_batch, x, y)
    first = [clock(call) for call in calls]
    times = [[clock(call) for call in calls] for _ in range(15 if length < 1000 else ROUNDS)]
    return first, np.min(times, axis=0).tolist()


def keras_fits():
    """Seconds of an epoch of a Keras LSTM with `GradientFlowCallback` as it is, and without."""
    from unrolled.callback import GradientFlowCallback
    from unrolled.models import many_to_one

    model, rng = many_to_one("LSTM", units=32, features=FEATURES, seed=0), np.random.default_rng(0)
    x = rng.normal(size=(32 * 200, 50, FEATURES)).astype("float32")
    y = rng.integers(0, 2, (len(x), 1))
    watched = {"callbacks": [GradientFlowCallback(x[:32], y[:32])]}
    fits = [partial(model.fit, x, y, batch_size=32, verbose=0, **more) for more in (watched, {})]
    for fit in fits:  # the first epoch compiles
        fit()
    times = [[clock(fit) for fit in fits] for _ in range(ROUNDS)]
    return np.median(times, axis=0).tolist()


# Processes that take turns


def clock(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def memory(field):
    """Current ("VmRSS") or largest ("VmHWM") memory of this process in MB; Linux alone says."""
    lines = Path("/proc/self/status").read_text().splitlines() if LINUX else [f"{field}: 0"]
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def first_call(name, case):
    """The function of a contender; and what its first call took and gave."""
    problem = Problem(*case)
    if LINUX:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the largest memory so far
    before, started = memory("VmRSS"), time.perf_counter()
    run = CONTENDERS[name][0](problem)
    norms = [float(np.linalg.norm(np.asarray(part))) for part in run()]
    seconds = time.perf_counter() - started
    return run, {"first": seconds, "norms": norms, "memory": memory("VmHWM") - before}


def turn(run):
    """Seconds of each call until a turn is over."""
    times, end = [clock(run)], time.perf_counter() + TURN
    while time.perf_counter() < end:
        times.append(clock(run))
    return times


def work(name):
    """Answer requests, one line each, until there are no more."""
    import_module(CONTENDERS[name][1])  # takes long, but is not the first call's fault
    run = None
    for line in sys.stdin:
        match json.loads(line):
            case ["case", *case]:
                run, answer = first_call(name, case)
            case ["turn"]:
                answer = turn(run)
            case ["ready"]:
                answer = True
            case [function, *arguments]:
                answer = globals()[function](*arguments)
        print(json.dumps(answer), flush=True)


class Worker:
    """A process of this file that answers requests; given up when it needs too long."""

    def __init__(self, name):
        command = [sys.executable, __file__, "--work", name]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env={**os.environ, **SILENT}, **pipes)
        self.ask("ready")

    def ask(self, *request, patience=None):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        line = self.process.stdout.readline() if ready else ""
        if ready and not line:
            sys.exit(f"a contender died at {request}")
        return json.loads(line) if ready else None

    def stop(self):
        self.process.kill()
        self.process.communicate()


def compare(case, workers, patience):
    """Measure one case: a dict for each contender that answered in time."""
    results = {}
    for name in workers:
        answer = workers[name].ask("case", *case, patience=patience)
        if answer:
            results[name] = answer | {"times": []}
        else:
            workers[name].stop()
            workers[name] = Worker(name)
    norms = np.array([result["norms"] for result in results.values()])
    if not np.allclose(norms, norms[0], rtol=AGREEMENT, atol=0):
        sys.exit(f"the contenders disagree in {case}: {dict(zip(results, norms, strict=True))}")
    for _ in range(ROUNDS):
        for name in results:
            results[name]["times"] += workers[name].ask("turn")
    for result in results.values():
        result["warm"] = float(np.median(result["times"]))
    return results


def report(case, results, floor, workers, patience):
    kind, size, dtype = case
    print(f"\n{kind}, batch {size[0]}, {size[1]} steps, {size[2]} units, {dtype}: floor ", end="")
    print(f"{floor * 1e3:.3g} ms", flush=True)
    ours, best = results["unrolled"]["warm"], min(r["warm"] for r in results.values())
    for name in workers:
        if name not in results:
            print(f"  {name:20}   no first result in {patience:g} s")
            continue
        r = results[name]
        print(
            f"  {name:20}{r['warm'] * 1e3:10.2f} ms {r['warm'] / ours:8.2f} of ours"
            f"{r['warm'] / best:8.2f} of best{r['warm'] / floor:9.1f} of floor"
            f"{r['first']:9.2f} s first{r['memory']:8.0f} MB"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the default")
    parser.add_argument("--full", action="store_true", help="all sizes, float64 too")
    parser.add_argument("--patience", type=float, help="seconds to wait for a first result")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work)
    sizes, dtypes = (SIZES, ["float32", "float64"]) if options.full else (SIZES[:3], ["float32"])
    patience = options.patience or (300 if options.full else 10)
    missing = [name for name, (_, package) in CONTENDERS.items() if find_spec(package) is None]
    for name in missing:
        print(f"{name.strip()}: left out, not installed (python -m pip install jax torch)")
    workers = {name: Worker(name) for name in CONTENDERS if name not in missing}
    rates = {dtype: workers["unrolled"].ask("gemm_rate", dtype) for dtype in dtypes}
    summary = []
    for case in product(CELLS, sizes, dtypes):
        print(*case, "...", file=sys.stderr, flush=True)
        results = compare(case, workers, patience)
        report(case, results, Problem(*case).floor(rates[case[2]]), workers, patience)
        ours = results.pop("unrolled")
        others = (
            min(r["warm"] for r in results.values()),
            min(min(r["times"]) for r in results.values()),
        )
        summary.append((case, ours["warm"] / others[0], min(ours["times"]) / others[1]))
    print("\nOurs over the best of the others: median and smallest time")
    for (kind, size, dtype), warm, least in summary:
        print(f"  {kind:5}{size!s:16}{dtype:8}{warm:6.2f}{least:6.2f}")
    flushed, kept = workers["unrolled"].ask("subnormals")
    print(f"\nA vanishing gradient in float32, subnormal numbers kept: {kept / flushed:.1f} times")
    print(f"the time with them flushed to zero ({flushed * 1e3:.1f} ms)")
    least, most = workers["unrolled"].ask("plain_loops")
    print(
        f"\nA training update in the cells' own steps: {least:.1f} to {most:.1f} times one in place"
    )
    for length in LENGTHS:
        _, (flow, step) = workers["Keras cell, eager"].ask("keras_steps", length)
        print(
            f"\nGradientFlow of a Keras LSTM, {length} steps: {flow / step:.2f} of a training step"
        )
    watched, plain = workers["Keras cell, eager"].ask("keras_fits")
    print(
        f"An epoch of 200 batches with GradientFlowCallback: {watched / plain:.3f} of one without"
    )
    for worker in workers.values():
        worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
