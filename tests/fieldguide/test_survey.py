"""A pass over real subjects: what is installed is asked, what is not says so, and nothing of them stays."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from wslab.core.fieldguide import GuideEntry
from wslab.fieldguide.catalogue import GuideSubject, Needs, subjects
from wslab.fieldguide.installing import GuideFolder
from wslab.fieldguide.running import served
from wslab.fieldguide.survey import LIMIT_BYTES, Survey


def surveyed(subject: GuideSubject, folder: Path | None = None) -> GuideEntry:
    (entry,) = Survey([subject], subjects(), GuideFolder(folder), clock_s=0)
    return entry


def written(folder: Path, source: str, **needs: Any) -> GuideSubject:
    file = folder / "subject.py"
    file.write_text(source)
    return GuideSubject("subject", "server", file, "", (), Needs(**needs))


def test_server_is_asked_about_its_limit_and_its_restart() -> None:
    before = set(psutil.Process().children(recursive=True))
    entry = surveyed(subjects()["websockets-asyncio"])
    answers = {cell.question: cell.answer for cell in entry.cells}
    assert answers["default_limit"] == f"{2**20:,}"
    assert answers["refuses_with_1009"] == answers["limit_is_as_documented"] == answers["comes_back"] == "passes"
    assert f"{LIMIT_BYTES:,} bytes" in (entry.cell("has_a_limit") or entry.cells[0]).seen
    assert "1001" in (entry.cell("tells_idle_clients") or entry.cells[0]).seen
    assert entry.versions["websockets"]
    assert set(psutil.Process().children(recursive=True)) <= before


def test_interrupt_ends_the_survey_and_leaves_no_half_entry() -> None:
    """Checks and searches return what they have; the survey must not go on to the next subject."""
    entries: list[GuideEntry] = []
    every = subjects()
    interrupt = threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        entries.extend(Survey([every["websockets-asyncio"], every["aiohttp"]], every, GuideFolder(None), clock_s=0))
    interrupt.cancel()
    assert entries == []


def test_what_is_not_installed_says_so(tmp_path: Path) -> None:
    lacking = GuideSubject("lacking", "server", tmp_path / "x.js", "", (), Needs(npm=("no-such-package",)))
    entry = surveyed(lacking)
    assert entry.missing == "from npm: no-such-package; --install fetches it"
    assert not entry.cells


@pytest.mark.parametrize(
    ("source", "words"),
    [("raise SystemExit('no such option')", "no such option"), ("import nowhere", "No module named 'nowhere'")],
)
def test_subject_that_does_not_start_is_an_entry_with_its_words(tmp_path: Path, source: str, words: str) -> None:
    (trouble,) = surveyed(written(tmp_path, source)).trouble
    assert "did not start" in trouble
    assert words in trouble


def test_subject_that_ignores_its_signal_is_ended_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wslab.fieldguide.running.STOPS_WITHIN_S", 0.5)
    deaf = "import signal, socket, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    deaf += "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\ntime.sleep(600)"
    before = set(psutil.Process().children(recursive=True))
    with served(written(tmp_path, deaf), GuideFolder()) as (server, _):
        server.restart()
    assert server.trouble == ["it had not ended 0.5 s after SIGTERM, and was killed"]
    assert set(psutil.Process().children(recursive=True)) <= before
