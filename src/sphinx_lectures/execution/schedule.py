"""When the pages of a build run: as many at once as there are cores, the longest first."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

from sphinx_lectures.execution.kernel import run_page
from sphinx_lectures.execution.processor import why_not_pinned


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
    """Run pages.

    Parameters
    ----------
    app : Sphinx
        The application, with its settings.
    pages : list of Page
        What is to run.
    seconds : dict
        How long pages took before, by name; those that are not known count by their length.
    keep : function
        Called with each page, its run and its time once it has run; says whether all is well.
    """
    kernels = app.config.lectures_kernels or os.cpu_count() or 1
    # A page that never ran is taken to need a second for 500 of its characters.
    weights = {page: seconds.get(page.docname, len(page.text) / 500) for page in pages}
    waiting = sorted(pages, key=lambda page: -weights[page])
    numbers = {page: number for number, page in enumerate(waiting, 1)}
    left, since = TimeLeft(weights, kernels), {}
    if reason := why_not_pinned(app.config):
        progress(reason)

    async def run(page):
        label = f"[{numbers[page]}/{len(numbers)}] {page.docname}"
        progress(f"{label}: running")
        since[page] = time.monotonic()
        outcome = await run_page(app, page.path, page.text)
        now = time.monotonic()
        taken = now - since.pop(page)
        words = left.after(page, taken, {page: now - start for page, start in since.items()})
        done = "" if keep(page, outcome, taken) else "FAILED after "
        progress(f"{label}: {done}{taken:.1f} s{words}")

    async def work():
        while waiting:
            await run(waiting.pop(0))

    await asyncio.gather(*(work() for _ in range(kernels)))


class TimeLeft:
    """How long the pages that are left may take, judged by those that have run.

    Parameters
    ----------
    weights : dict
        How long each page takes in comparison with the others.
    kernels : int
        How many pages run at once.

    Examples
    --------
    >>> left = TimeLeft({"a": 2, "b": 4, "c": 5}, kernels=1)
    >>> left.after("a", seconds=100, running={"b": 50})  # 200 - 50 for b, and 250 for c
    '; about 7 min left'
    """

    def __init__(self, weights, kernels):
        self.left, self.kernels = dict(weights), kernels
        self.done = self.seconds = 0

    def after(self, page, seconds, running):
        """In words, once a page has run, while others have been running for some seconds."""
        self.done += self.left.pop(page)
        self.seconds += seconds
        if not self.left:
            return ""
        each = {page: weight * self.seconds / self.done for page, weight in self.left.items()}
        ahead = sum(max(each[page] - running.get(page, 0), 0) for page in each) / self.kernels
        return f"; about {ahead / 60:.0f} min left" if ahead > 90 else "; about a minute left"


def progress(text):
    """Long work shows how far it is, also where Sphinx is asked to be quiet."""
    print(text, flush=True)
