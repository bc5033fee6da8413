"""When the pages of a build run: as many at once as there are cores, the longest first."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

from sphinx_lectures.execution.kernel import run_page
from sphinx_lectures.execution.kernel_environment import why_not_pinned


def run_apart(coroutine):
    """Run in a thread, where no other loop is running and Ctrl-C is left to Python."""
    cancel = []

    async def run():
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        await coroutine

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, run())
        try:
            done.result()
        except KeyboardInterrupt:
            for stop in cancel:
                stop()
            raise


async def run_all(app, pages, seconds, keep):
    """Run pages, which took so many `seconds` before, by name; new ones count by their length.

    Once a page has run, `keep` is called with it, its run and its time, and says whether all is
    well.
    """
    kernels = app.config.lectures_kernels or os.cpu_count() or 1
    # A page that never ran is taken to need a second for 500 of its characters.
    weights = {page: seconds.get(page.docname, len(page.text) / 500) for page in pages}
    waiting = sorted(pages, key=lambda page: -weights[page])
    numbers = {page: number for number, page in enumerate(waiting, 1)}
    taken = {}
    if reason := why_not_pinned(app.config):
        progress(reason)

    async def run(page):
        label = f"[{numbers[page]}/{len(numbers)}] {page.docname}"
        progress(f"{label}: running")
        started = time.monotonic()
        outcome = await run_page(app, page.path, page.text)
        taken[page] = time.monotonic() - started
        done = "" if keep(page, outcome, taken[page]) else "FAILED after "
        progress(f"{label}: {done}{taken[page]:.1f} s{time_left(weights, taken, kernels)}")

    async def work():
        while waiting:
            await run(waiting.pop(0))

    await asyncio.gather(*(work() for _ in range(kernels)))


def time_left(weights, taken, kernels):
    """In words, how long the pages that are left may take, judged by those that have run.

    >>> weights = {"a": 2, "b": 4, "c": 5}
    >>> time_left(weights, {"a": 100}, kernels=1)  # seconds; 200 for b, and 250 for c
    '; about 8 min left'
    """
    if len(taken) == len(weights):
        return ""
    done = sum(weights[page] for page in taken)
    ahead = (sum(weights.values()) - done) * sum(taken.values()) / done / kernels
    return f"; about {ahead / 60:.0f} min left" if ahead > 90 else "; about a minute left"


def progress(text):
    """Long work shows how far it is, also where Sphinx is asked to be quiet."""
    print(text, flush=True)
