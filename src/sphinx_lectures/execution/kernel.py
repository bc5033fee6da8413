"""Run the cells of one page in a kernel of its own, and say which cell failed, where and why."""

import asyncio
import os
import re
from datetime import datetime
from typing import NamedTuple

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from sphinx_lectures.execution.findings import is_finding, mistakes, reporting
from sphinx_lectures.execution.kernel_environment import build_folder, environment
from sphinx_lectures.execution.page import cell_line, code_cells, is_to_run, language, read_notebook
from sphinx_lectures.execution.private import end_kernel
from sphinx_lectures.execution.reads import RECORDER, Notes

KERNEL_ARGUMENTS = [
    "--IPKernelApp.log_level=40",  # no line about unencrypted TCP for every kernel
    "--HistoryManager.enabled=False",
    "--InteractiveShell.colors=nocolor",
    "--InlineBackend.figure_formats=svg",
    '--InlineBackend.print_figure_kwargs={"bbox_inches": None}',  # every figure as wide as asked
    f"--IPKernelApp.exec_lines=__import__('runpy').run_path({str(RECORDER)!r}) and None",
]
#: What a page may ask of MyST-NB at its head, and here is one for all pages.
NOT_OFFERED = ("execution_timeout", "execution_allow_errors", "execution_in_temp")
#: Tags of cells that may write to stderr: MyST-NB leaves the words out, or shows them.
SILENT = {"remove-stderr", "allow-stderr"}
ADDRESS = re.compile(r" at 0x[0-9a-f]+>")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Failure(NamedTuple):
    """Why a page may not be published."""

    cell: int | None  #: number of the code cell, from 1; none if it is of the whole page
    line: int  #: line of the page's file
    message: str  #: what happened, the traceback included


class Run(NamedTuple):
    """What came out of a page."""

    outputs: list  #: of every code cell: lists of JSON objects
    seconds: list  #: that every code cell took
    failures: list  #: why the page may not be published, if it may not
    notes: Notes  #: what was read


def problems_before_running(text, notebook):
    """Why a page cannot be run, before it is."""
    head = notebook.metadata.get("mystnb") or {}
    mode, found = head.get("execution_mode"), language(notebook)
    for name in filter(head.__contains__, NOT_OFFERED):
        yield _of_head(text, name, f"`{name}` is not offered (see `lectures_cell_timeout`)")
    if mode not in (None, "off", False):
        words = f'expected execution_mode "off" or none, got {mode!r}'
        yield _of_head(text, "execution_mode", words)
    if is_to_run(notebook) and found != "python":
        yield _of_head(text, "kernelspec", f"expected a Python kernel, got {found!r}")
    for number, (index, cell) in enumerate(code_cells(notebook), 1):
        for line, words in mistakes(cell.source) if is_finding(cell) else ():
            yield Failure(number, cell_line(text, notebook, index) + line - 1, words)


def _of_head(text, word, message):
    lines = enumerate(text.splitlines(), 1)
    return Failure(None, next((number for number, line in lines if word in line), 1), message)


async def run_page(app, path, text, attempts=2):
    """Run a page in a kernel of its own.

    A kernel that fails before its first cell is started once more: two that start at one time may
    reach for the same port.
    """
    notebook, started, stopped = read_notebook(text), [], []
    cells = [cell for _, cell in code_cells(notebook)]
    for cell in filter(is_finding, cells):
        cell.source = reporting(cell.source)
    reads = build_folder(app, "reads") / f"{os.getpid()}-{hash(path)}"
    reads.parent.mkdir(exist_ok=True)
    reads.write_bytes(b"")
    client = NotebookClient(
        notebook,
        timeout=app.config.lectures_cell_timeout,
        kernel_name="python3",
        coalesce_streams=True,  # how a text is cut into messages is a matter of chance
        shutdown_kernel="immediate",  # it holds nothing that is worth an orderly end
        extra_arguments=KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=lambda cell, cell_index: started.append(cell_index),
    )
    try:
        await client.async_execute(env={**environment(app), "LECTURES_READS": str(reads)})
    except (CellExecutionError, CellTimeoutError, RuntimeError, AssertionError) as error:
        if asyncio.current_task().cancelling():  # Ctrl-C, which nbclient takes for a dead kernel
            raise asyncio.CancelledError from error
        if not started and attempts > 1:
            return await run_page(app, path, text, attempts - 1)
        stopped.append((started[-1] if started else code_cells(notebook)[0][0], error))
    finally:
        await end_kernel(client)
    stderr = [
        (index, output.text)
        for index, cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream"
        and output.name == "stderr"
        and not SILENT & set(cell.metadata.get("tags", []))
    ]
    failures = [_failure(app, text, notebook, index, error) for index, error in stopped + stderr]
    notes = Notes(reads)
    reads.unlink()
    return Run([_outputs(cell) for cell in cells], list(map(_seconds, cells)), failures, notes)


def _outputs(cell):
    """Outputs of a cell, the same in each run: where in memory an object lay is not told."""
    for output in cell.outputs:
        if text := output.get("data", {}).get("text/plain"):
            output.data["text/plain"] = ADDRESS.sub(" at 0x…>", text)
    return cell.outputs


def _seconds(cell):
    """Time that a cell took, by the clock of its kernel; 0 if it did not run to its end."""
    times = cell.metadata.get("execution", {})
    marks = [times.get(f"iopub.status.{status}") for status in ("busy", "idle")]
    started, ended = (datetime.fromisoformat(mark) if mark else None for mark in marks)
    return round((ended - started).total_seconds(), 3) if started and ended else 0.0


def _failure(app, text, notebook, index, error):
    """Describe `error`: an exception of the client, or the text that a cell wrote to stderr."""
    number = [i for i, _ in code_cells(notebook)].index(index) + 1
    line = cell_line(text, read_notebook(text), index)  # with findings as the page has them
    if isinstance(error, CellTimeoutError):
        message = f"did not finish within {app.config.lectures_cell_timeout} s"
    elif isinstance(error, DeadKernelError):
        message = "its Python process died"
    elif isinstance(error, CellExecutionError):
        outputs = [o for o in notebook.cells[index].outputs if o.output_type == "error"]
        trace = ANSI.sub("", "\n".join(outputs[-1].traceback)) if outputs else error.traceback
        where = re.search(r"Cell In\[\d+\], line (\d+)", trace)
        line += int(where[1]) - 1 if where else 0
        message = f"raised {error.ename}: {error.evalue}\n{trace}"
    elif isinstance(error, BaseException):
        message = f"could not run: {error}"
    else:
        message = f"wrote to stderr:\n{error.rstrip()}"
    return Failure(number, line, message)
