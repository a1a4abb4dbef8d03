"""Every lesson runs where no socket is available, from `data/`, and shows the figures of the recording."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from nbformat.v4 import new_code_cell

from wslab.core.recordings import REPLAY
from wslab.reports.execution import execute
from wslab.reports.material import Material, lessons, open_notebook

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


def replay(opened: Material, folder: Path) -> str:
    """Execute a lesson, its exercise solved, in a kernel that may open no socket; return all that it put out."""
    opened.notebook.cells.insert(0, new_code_cell(NO_SOCKETS))
    execution = execute(opened, record_to=folder, timeout_s=110)
    assert execution.failure is None
    outputs = [output for cell in opened.notebook.cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    return "\n".join(output.get("text") or output.data.get("text/plain", "") for output in outputs)


# of those in Japanese the first: the others' code is the English one's, as tests/test_lessons.py says
@pytest.mark.parametrize("lesson", [name for name in lessons() if "/" not in name or name.startswith("ja/00")])
def test_replayed_lesson_shows_what_was_recorded(
    lesson: str, record: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REPLAY, "1")
    opened = open_notebook(lesson)
    record.solve(opened)
    told = replay(opened, tmp_path)
    assert told.startswith("A replay: no socket is opened here. The runs are recordings of real ones, made on 20")
    assert len(re.findall(r"^✓ ", told, re.MULTILINE)) == 1
    drawn = json.loads((DATA / "lessons" / lesson.removeprefix("ja/") / record.FIGURES).read_text(encoding="utf-8"))
    assert record.figures_in_words(opened.notebook) == drawn


def test_lesson_is_replayed_where_no_socket_is_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REPLAY, raising=False)
    assert "A replay: no socket is opened here" in replay(open_notebook("00"), tmp_path)


def test_every_lesson_is_recorded_and_no_other() -> None:
    folders = {path.parent.relative_to(DATA / "lessons").as_posix() for path in (DATA / "lessons").rglob("cells.json")}
    assert folders == set(lessons())


def test_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in (DATA / "lessons").rglob("*.*")) < 3_000_000
