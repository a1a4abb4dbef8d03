"""One kernel for several notebooks: to start a kernel and to import everything in it takes two seconds each time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from wslab.reports.execution import kernel_settings


@contextlib.contextmanager
def running_kernel(**environment: str) -> Iterator[NotebookClient]:
    with kernel_settings() as config:
        client = NotebookClient(new_notebook(), timeout=120, config=config)
        with client.setup_kernel(env={**os.environ, **environment}):
            yield client


def execute(notebook: NotebookNode, kernel: NotebookClient, folder: Path, first: str) -> None:
    """Run a notebook's cells in a kernel, after some code that makes it forget the notebook before."""
    kernel.nb = new_notebook(cells=[new_code_cell(f"%cd -q {folder}\n{first}"), *notebook.cells])
    kernel.reset_execution_trackers()
    for index, cell in enumerate(kernel.nb.cells):
        kernel.execute_cell(cell, index)
