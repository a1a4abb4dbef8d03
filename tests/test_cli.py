"""The command line prints what its experiments return, and turns errors into one line and an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from commandline import wslab_command

import wslab


def test_demo_as_json_tells_the_whole_story(tmp_path: Path) -> None:
    done = wslab_command(
        "demo", "--json", "--clients", "3", "--max-message-bytes", "5000", "--out", str(tmp_path / "new")
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["limit"] == {"accepted_bytes": 5000, "refused_bytes": 5001, "exact": True}
    closures, outages = document["closures"], document["outages"]
    assert {"close_code", "close_reason", "clean", "closed_by", "client"} <= set(closures[0])
    assert {"client", "close_code", "attempts", "time_to_reconnect_s"} <= set(outages[0])
    assert {1009, 1012, 1006} <= {closure["close_code"] for closure in closures}
    assert sorted(outage["close_code"] for outage in outages) == [1006] * 3 + [1012] * 3
    saved = [Path(path) for path in document["saved"]]
    assert [path.suffix for path in saved] == [".jsonl", ".png", ".png"]
    assert all(path.stat().st_size > 1000 for path in saved)
    assert len(wslab.load(saved[0]).closures) == len(closures)


def test_demo_prints_a_table_on_stdout_and_its_progress_on_stderr() -> None:
    done = wslab_command("demo", "--clients", "1", "--max-message-bytes", "2000")
    for words in ("1009 Message Too Big", "1012 Service Restart", "1006 Abnormal Closure"):
        assert words in " ".join(done.stdout.split())
    assert done.stderr == ""  # which is no terminal here


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["demo", "--json", "--clients", "1", "--max-message-bytes", "2000"], 0),
        (["herd", "--json", "--clients", "3", "--workers", "1", "--downtime", "0.1"], 0),
        (["simulate", "--json", "--clients", "100"], 0),
        (["probe", "--json", "ws://127.0.0.1:9/"], 3),
    ],
)
def test_json_document_is_as_its_schema_says(arguments: list[str], exit_code: int) -> None:
    done = wslab_command(*arguments)
    assert done.returncode == exit_code, done.stderr
    jsonschema.validate(json.loads(done.stdout), json.loads(wslab_command("schema", arguments[0]).stdout))


def test_reader_that_has_seen_enough_is_told_nothing() -> None:
    command = f"{sys.executable} -m wslab simulate --json --clients 10 | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def test_codes_prints_a_card() -> None:
    done = wslab_command("codes", "1009", "1012")
    for words in (
        "Message Too Big",
        "Service Restart",
        "How to fix it",
        "Main differences",
        "When to use which",
        "See more",
    ):
        assert words in done.stdout


def test_version_is_that_of_the_package() -> None:
    command = [sys.executable, "-m", "wslab", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"wslab {wslab.__version__}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_output_that_cannot_be_written_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "wslab", "codes", "1009"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "wslab: [Errno 28] No space left on device\n"


def test_serve_on_a_port_in_use_says_how_to_get_another() -> None:
    with wslab.LabServer() as taken:
        done = wslab_command("serve", "--port", str(taken.port))
    assert done.returncode == 1
    assert "use port 0" in done.stderr


def test_serve_obeys_and_stops() -> None:
    done = wslab_command(
        "serve", "--downtime-s", "0", stdin="restart\ncrash\nlimit 10\nlimit 0\nlimit abc\nnonsense\n\nquit\n"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ws://127.0.0.1:")
    assert [line.partition(":")[0] for line in lines[1:5]] == ["graceful", "crash", "reload", "reload"]
    assert lines[3].endswith("limit 10")
    assert lines[4].endswith("limit none")
    assert "max_message_bytes is 'abc', but must be" in lines[5]
    assert "'nonsense'?" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["demo", "--clients", "0"], 2, "clients is 0, but must be between 1 and 200"),
        (["demo", "--max-message-bytes", "1"], 2, "max_message_bytes is 1"),
        (["demo", "--out", "/dev/null/folder"], 1, "/dev/null/folder"),
        (["herd", "--out", "/etc/hostname"], 1, "--out is '/etc/hostname', but must be a folder that you may write"),
        (["simulate", "--out", "/dev/null/x"], 1, "--out is '/dev/null/x', but must be a folder that you may write"),
        (["serve", "--max-message-bytes", "-1"], 2, "max_message_bytes is -1"),
        (["codes", "70000"], 2, "70000"),
        (["serve", "--port", "70000"], 2, "port is 70,000"),
    ],
)
def test_wrong_argument_is_one_line_and_an_exit_code(arguments: list[str], exit_code: int, words: str) -> None:
    done = wslab_command(*arguments)
    assert done.returncode == exit_code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
