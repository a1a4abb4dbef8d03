"""Execute a notebook's cells in order, report progress, and keep where and why it failed."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import math
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from wslab.core.errors import BadValueError
from wslab.core.recordings import RECORD
from wslab.reports.material import Material
from wslab.reports.whole_tables import PREPARE

OnCell = Callable[[int, int, str], None]
"""Called before each cell with the number done, the total, and the cell's first line."""

FOR_A_REPORT = ["--InlineBackend.figure_formats={'retina'}", f"--IPKernelApp.exec_lines={[PREPARE]!r}"]
"""Options of IPython kernels: Matplotlib figures with twice the pixels, and tables with their data."""


@dataclass(frozen=True, slots=True)
class CellFailure:
    """The cell at which an execution ended early: its number among code cells (from 1), and its index among all."""

    cell_number: int
    cell_index: int
    error: str


@dataclass(frozen=True, slots=True)
class Execution:
    """How executing a notebook went; its cells now have outputs."""

    started_at: datetime.datetime
    duration_s: float
    failure: CellFailure | None
    interrupted: bool = False


def execute(
    opened: Material,
    *,
    record_to: Path,
    timeout_s: float,
    keep_widgets: bool = False,
    on_cell: OnCell | None = None,
) -> Execution:
    """Execute `opened.notebook` in place, to its end or to the first failing cell.

    Ctrl-C interrupts the running cell, as in a notebook, and ends the execution after it; an experiment keeps what it
    has measured.

    Args:
        record_to: folder for the runs of the experiments (see `wslab.core.recordings`).
        timeout_s: for each cell.
        keep_widgets: whether to keep the state of widgets in the notebook.

    Raises:
        ValueError: its kernel is not installed; the message names those that are.
        KeyboardInterrupt: Ctrl-C came before the first code cell.
    """
    notebook = opened.notebook
    _forget(notebook)
    with kernel_settings(on_tcp=not _speaks_python(notebook)) as config:
        client = NotebookClient(
            notebook,
            timeout=math.ceil(timeout_s),  # it takes whole seconds only
            store_widget_state=keep_widgets,
            extra_arguments=FOR_A_REPORT if _speaks_python(notebook) else [],
            resources={"metadata": {"path": str(opened.folder)}},
            config=config,
        )
        progress = _Progress(client, notebook, on_cell)
        started_at = datetime.datetime.now(datetime.UTC)
        began_s = time.monotonic()
        words = _run(client, {**os.environ, RECORD: str(record_to.absolute())}, timeout_s)
    if progress.interrupted and not progress.number:  # before the first code cell
        raise KeyboardInterrupt
    failure = CellFailure(progress.number, progress.cell_index, words) if words else None
    if failure is not None:
        _show(failure, notebook.cells[failure.cell_index])
    if keep_widgets:
        client.set_widgets_metadata()  # a failing cell left that undone
    return Execution(started_at, time.monotonic() - began_s, failure, progress.interrupted)


@contextlib.contextmanager
def kernel_settings(*, on_tcp: bool = False) -> Iterator[Config]:
    """Yield the settings of a kernel that listens in its own folder or, for kernels that cannot, on TCP.

    jupyter_client picks free TCP ports, but the kernel binds them later, when another socket may have taken one.
    """
    with tempfile.TemporaryDirectory(prefix="wslab-") as folder:
        sockets = {} if on_tcp else {"transport": "ipc", "ip": str(Path(folder) / "kernel")}
        # Without "auto", recent versions of ipykernel warn of eavesdroppers at each start.
        yield Config(KernelManager={"transport_encryption": "auto", **sockets})


def _run(client: NotebookClient, environment: dict[str, str], timeout_s: float) -> str:
    """Run the cells, and return why they ended early; empty if they did not."""
    try:
        client.execute(env=environment)
    except NoSuchKernel as error:
        known = ", ".join(sorted(KernelSpecManager().find_kernel_specs()))
        raise BadValueError(f"the notebook's kernel {error.name!r} is not installed; installed are: {known}") from None
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except _InterruptedError:
        return "interrupted"
    except (AssertionError, asyncio.CancelledError):  # from nbclient, if interrupted while a kernel starts
        raise KeyboardInterrupt from None
    except CellTimeoutError:
        return f"the cell took longer than {timeout_s:g} seconds; --timeout gives it more"
    except DeadKernelError:
        return "the kernel died; too little memory is the commonest reason"
    return ""


def _show(failure: CellFailure, cell: NotebookNode) -> None:
    """Add the error to the cell, if its kernel could not report it."""
    if not any(output.output_type == "error" for output in cell.outputs):
        told = [failure.error]
        cell.outputs.append(nbformat.v4.new_output("error", ename="", evalue=told[0], traceback=told))


class _InterruptedError(Exception):
    """Ends an execution after the cell that Ctrl-C interrupted."""


class _Progress:
    """nbclient's hooks: they count code cells from 1, and handle Ctrl-C, for which nbclient would kill the kernel."""

    def __init__(self, client: NotebookClient, notebook: NotebookNode, on_cell: OnCell | None) -> None:
        self.number = 0
        self.cell_index = 0
        self.interrupted = False
        self._client = client
        self._task: asyncio.Future[None] | None = None
        client.on_notebook_start = self._listen
        client.on_cell_execute = self._begin
        self._total = sum(_runs(cell) for cell in notebook.cells)
        self._on_cell = on_cell

    def _listen(self, notebook: NotebookNode) -> None:
        with contextlib.suppress(RuntimeError, NotImplementedError):  # in a thread, or on Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        self.interrupted = True
        kernel = self._client.km
        assert kernel is not None, "a notebook that runs has a kernel"
        self._task = asyncio.ensure_future(ensure_async(kernel.interrupt_kernel()))

    def _begin(self, cell: NotebookNode, cell_index: int) -> None:
        if self.interrupted:
            raise _InterruptedError
        if not _runs(cell):
            return
        self.number += 1
        self.cell_index = cell_index
        if self._on_cell is not None:
            self._on_cell(self.number - 1, self._total, cell.source.strip().partition("\n")[0])


def _runs(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _forget(notebook: NotebookNode) -> None:
    """Remove the outputs of an earlier execution, so that none is taken for one of this."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _speaks_python(notebook: NotebookNode) -> bool:
    return bool(notebook.metadata.get("kernelspec", {}).get("language", "python") == "python")
