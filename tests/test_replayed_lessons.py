"""Every lesson runs where no socket is available, from `data/`, and shows the figures of the recording."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from kernels import execute, running_kernel
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from wslab.core.recordings import REPLAY
from wslab.reports import execution
from wslab.reports.material import lessons, open_notebook

DATA = Path(__file__).parent.parent / "data"

NO_SOCKETS = """\
import socket

def refuse(*arguments):
    raise PermissionError("this kernel may open no socket")

socket.socket.bind = socket.socket.connect = socket.socket.connect_ex = refuse"""

pytestmark = pytest.mark.filterwarnings("default")  # of the libraries that start a kernel


@pytest.fixture(scope="module")
def record() -> ModuleType:
    """The program that recorded them: what it saw is read in the same way."""
    spec = importlib.util.spec_from_file_location("record", DATA / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FORGET = """\
%reset -f
import sys

for name in [name for name in sys.modules if name.partition(".")[0] == "wslab"]:
    del sys.modules[name]
shell = get_ipython()
shell.magics_manager.magics["line"].pop("wslab", None)
shell.input_transformers_post.clear()"""
"""After it a kernel imports wslab anew, which then begins a replay anew."""


@pytest.fixture(scope="module")
def kernel() -> Iterator[NotebookClient]:
    """A kernel that replays one lesson after the other."""
    with running_kernel(**{REPLAY: "1"}) as client:
        yield client


def told(notebook: NotebookNode) -> str:
    """Return all that a notebook put out, which is no complaint."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    return "\n".join(output.get("text") or output.data.get("text/plain", "") for output in outputs)


# of those in Japanese the first: the others' code is the English one's, as tests/test_lessons.py says
@pytest.mark.parametrize("lesson", [name for name in lessons() if "/" not in name or name.startswith("ja/00")])
def test_replayed_lesson_shows_what_was_recorded(lesson: str, record: ModuleType, kernel: NotebookClient) -> None:
    opened = open_notebook(lesson)
    record.solve(opened)
    execute(opened.notebook, kernel, opened.folder, f"{FORGET}\n{NO_SOCKETS}")
    words = told(opened.notebook)
    assert words.startswith("A replay: no socket is opened here. The runs are recordings of real ones, made on 20")
    assert len(re.findall(r"^✓ ", words, re.MULTILINE)) == 1
    drawn = json.loads((DATA / "lessons" / lesson.removeprefix("ja/") / record.FIGURES).read_text(encoding="utf-8"))
    assert record.figures_in_words(opened.notebook) == drawn


def test_lesson_is_replayed_where_no_socket_is_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REPLAY, raising=False)
    opened = open_notebook("00")
    opened.notebook.cells.insert(0, new_code_cell(NO_SOCKETS))
    assert execution.execute(opened, record_to=tmp_path, timeout_s=110).failure is None
    assert "A replay: no socket is opened here" in told(opened.notebook)


def test_every_lesson_is_recorded_and_no_other() -> None:
    folders = {path.parent.relative_to(DATA / "lessons").as_posix() for path in (DATA / "lessons").rglob("cells.json")}
    assert folders == set(lessons())


def test_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in (DATA / "lessons").rglob("*.*")) < 3_000_000
