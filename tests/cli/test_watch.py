"""`wslab watch` tells each closure as it happens, in words or as JSON documents, and ends with what was found."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from commandline import wslab_command
from steady import measured_steadily

from wslab import Knobs, LabServer, load
from wslab.core.findings import find

FAST = ("--for", "3s", "--interval", "0.4", "--apart", "0.06", "--messages-per-min", "60000")


def test_watch_prints_lines_of_the_published_schema_and_keeps_the_run(tmp_path: Path) -> None:
    file = tmp_path / "watch.jsonl"
    with LabServer(Knobs(max_age_s=0.7, ping_interval_s=None)) as server:
        command = ("watch", server.url, *FAST, "--connections-per-min", "6000", "--json", "--out", str(file))
        done, steady = measured_steadily(
            lambda: wslab_command(*command), late_s=0.03, good=lambda done: "max_age" in done.stdout.splitlines()[-1]
        )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    schema = json.loads(wslab_command("schema", "watch").stdout)
    for line in lines:
        jsonschema.validate(line, schema)
    assert [lines[0]["document"], lines[-1]["document"]] == ["watch_begun", "watch_ended"]
    assert {line["document"] for line in lines[1:-1]} == {"watch_closed"}
    rules = [finding["rule"] for finding in lines[-1]["findings"]]
    assert rules == [finding.rule for finding in find(load(file))]
    assert not steady or rules[0] == "max_age"


def test_watch_tells_a_reader_its_bounds_its_findings_and_a_lane_a_client() -> None:
    with LabServer(Knobs(idle_timeout_s=0.7, ping_interval_s=None)) as server:
        done, steady = measured_steadily(
            lambda: wslab_command("watch", server.url, *FAST),
            late_s=0.03,
            good=lambda done: "idle timeout" in done.stdout,
        )
    assert done.returncode == 0
    assert "up to 60000 messages and pings, 120 connections" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines()[:3])
    assert not steady or "idle timeout" in done.stdout
    assert not steady or "what to do" in done.stdout
    assert done.stdout.count("✕") > 3


def test_watch_of_a_server_that_is_not_there_has_an_exit_code_of_its_own() -> None:
    with LabServer() as server:
        url = server.url
    done = wslab_command("watch", url, "--for", "1s", "--clients", "5", "--apart", "0.1")
    assert done.returncode == 3
    assert "refused" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ws://127.0.0.1:1/", "--for", "soon"], "--for is 'soon'"),
        (["ws://127.0.0.1:1/", "--clients", "2"], "clients is 2"),
        (["ws://example.org/"], "--i-may-probe example.org"),
        (["http://127.0.0.1/"], "write ws://"),
    ],
)
def test_wrong_argument_is_one_line(arguments: list[str], told: str) -> None:
    done = wslab_command("watch", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
