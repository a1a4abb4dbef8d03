"""What is saved and handed on says nothing of the machine that it was made on but its kind, and no secret."""

from __future__ import annotations

import getpass
import gzip
import re
import socket
from pathlib import Path

import pytest

import wslab
from wslab.captures.explanation import explain
from wslab.captures.reenacting import reenact
from wslab.core.runs import Run
from wslab.reports.report import make_report

SECRETS = {"Authorization": "Bearer secret-in-a-header", "Cookie": "session=secret-in-a-cookie"}
QUERY = "secret-in-a-query"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose path is told apart from any other, where the experiments are made."""
    place = tmp_path / "ada-lovelace-home" / "secret-project"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def measured(folder: Path) -> list[Run]:
    (folder / "payload.json").write_text("ab" * 2000)
    with wslab.LabServer(max_message_bytes=1000, downtime_s=0.05) as server, wslab.Relay(server.url) as relay:
        target = wslab.Target(f"{relay.url}?token={QUERY}", headers=SECRETS)
        runs = [
            wslab.payload_sweep(target, [10, 2000], payload=folder / "payload.json"),
            wslab.watch(target, duration_s=0.3, interval_s=0.1, apart_s=0.05, out=folder / "watch.jsonl"),
            relay.run(),
        ]
    return [*runs, wslab.restart_drill(wslab.Knobs(downtime_s=0.05), clients=2, policy="none")]


def traces(text: str, folder: Path) -> list[str]:
    """Return what of this machine, of its user and of the secrets stands in a text."""
    names = [socket.gethostname(), getpass.getuser()]
    marks = [re.escape(name) for name in names if len(name) > 5]  # "root" is a word
    marks += [re.escape(f"{place}/") for place in (Path.home(), folder, Path(wslab.__file__).parents[1])]
    marks += ["ada-lovelace-home", "secret-project", "secret-in-"]
    return [found[0] for mark in marks for found in re.finditer(f".{{0,60}}{mark}.{{0,20}}", text)]


def test_saved_runs_reports_and_packets_name_neither_machine_nor_user_nor_secret(folder: Path) -> None:
    for number, run in enumerate(measured(folder)):
        path = run.save(folder / f"{number}.jsonl.gz")
        saved = gzip.decompress(path.read_bytes()).decode()
        assert traces(saved, folder) == []
        assert traces(reenact(run).decode("latin-1"), folder) == []
        assert traces(repr(explain(path).document()), folder) == []
    report = make_report(str(folder / "0.jsonl.gz"))
    assert traces(report.page(), folder) == []
    markdown, files = report.markdown("report")
    assert traces(markdown, folder) == []
    assert [traces(content.decode("latin-1"), folder) for content in files.values()] == [[] for _ in files]
    assert traces((folder / "watch.jsonl").read_text(), folder) == []
