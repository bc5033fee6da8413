"""When the pages of a build run: as many at once as there are cores, the longest first.

Heavy packages are imported once, in a process from which the kernels of all pages that need them
are forked (see `forked_kernel`); other pages run meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from sphinx_lectures.forked_kernel import ForkServer
from sphinx_lectures.kernel import environment, run_page


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
    pages = sorted(pages, key=lambda page: -seconds.get(page.docname, len(page.text)))
    places = asyncio.Semaphore(app.config.lectures_kernels or os.cpu_count() or 1)

    async def run(number, page):
        server = await server_of(page)
        async with places:
            label = f"[{number}/{len(pages)}] {page.docname}"
            _progress(f"{label}: running")
            started = time.monotonic()
            outcome = await run_page(app, page.path, page.text, server)
            taken = time.monotonic() - started
            if keep(page, outcome, taken):
                _progress(f"{label}: {taken:.1f} s")
            else:
                _progress(f"{label}: FAILED after {taken:.1f} s")

    async with _fork_server(app, pages, places) as server_of:
        await asyncio.gather(*(run(number, page) for number, page in enumerate(pages, 1)))


@asynccontextmanager
async def _fork_server(app, pages, places):
    """A function that waits until a page can be forked and gives the server; none if it cannot."""
    packages = set(app.config.lectures_import_once)
    heavy = [page for page in pages if packages & page.packages]
    # While Matplotlib is imported, it looks for its settings in the folder of the page.
    folder = heavy[0].path.parent if heavy else None
    heavy = [page for page in heavy if page.path.parent == folder]
    server = ForkServer(sorted(packages), folder, environment(app))

    async def start():
        async with places:
            started = time.monotonic()
            await server.start()
            if server.ready:
                taken = time.monotonic() - started
                _progress(f"{', '.join(server.packages)}: imported once, {taken:.1f} s")

    starting = asyncio.create_task(start()) if len(heavy) > 1 else None

    async def server_of(page):
        if starting is None or page not in heavy:
            return None
        await starting
        return server

    try:
        yield server_of
    finally:
        server.close()


def _progress(text):
    """Long work shows how far it is, also where Sphinx is asked to be quiet."""
    print(text, flush=True)
