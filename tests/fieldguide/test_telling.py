"""What a plain client's application was told is asked of its program; one that fails itself tells nothing of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wslab.fieldguide.telling import PlainClient, ask_about_refusals

DIES = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1]) as websocket:
    websocket.send(bytes(int(sys.argv[2])))
raise SystemExit("it fails before it has said anything")
"""


def test_program_that_fails_is_no_verdict_on_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wslab.fieldguide.telling.TRIES", 1)
    program = tmp_path / "dies.py"
    program.write_text(DIES)
    cells = ask_about_refusals(PlainClient("dies", [sys.executable, str(program)]))
    assert {cell.answer for cell in cells} == {"not run"}
    assert {cell.seen for cell in cells} == {"In 2 of 2 tries its program ended without a report."}
