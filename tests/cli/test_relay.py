"""`wslab relay` in a pipe and in a terminal: each frame is a line or a row, and faults are switched while it runs."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from commandline import wslab_command

import wslab
from wslab.cli.relay import Printer
from wslab.core.records import Frame, Injection
from wslab.net.relay.relay import Relay
from wslab.net.server.lab_server import LabServer

RELAY = [sys.executable, "-m", "wslab", "relay", "0"]


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with LabServer() as running:
        yield running


@contextlib.contextmanager
def relaying(target: str, *options: str, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    with subprocess.Popen([*RELAY, target, *options], text=True, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def test_frames_are_lines_and_commands_bend_them(server: LabServer, tmp_path: Path) -> None:
    out, packets = tmp_path / "relay.jsonl", tmp_path / "relay.pcapng"
    with relaying(server.url, "--out", str(out), "--pcapng", str(packets)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert wslab.send_message(url, "\x1b[31mhello").sends[0].outcome == "accepted"
        lines = [process.stdout.readline() for _ in range(6)]
        process.stdin.write("add unavailable retry_after_s=7\nadd latensy\n")
        process.stdin.flush()
        assert "+ unavailable" in process.stdout.readline()
        assert "did you mean 'latency'" in process.stderr.readline()
        attempt = wslab.send_message(url, "x").attempts[0]
        assert (attempt.http_status, attempt.retry_after_s) == (503, 7)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert re.search(r"#0 101$", lines[0].strip())
    assert re.search(r"#0 → text FIN mask 10 B \\x1b\[31mhello", lines[1])
    assert re.search(r"#0 ← text FIN 10 B \\x1b\[31mhello", lines[2])
    assert re.search(r"#0 → close FIN mask 2 B 1000", lines[3])
    assert [frame.opcode for frame in wslab.load(out).frames] == ["text", "text", "close", "close"]
    assert [closure.close_code for closure in wslab.explain(packets).run.closures] == [1000]


def test_target_is_reached_as_by_every_other_command(
    server: LabServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    trust, pem = tmp_path / "ca.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(trust)
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pem)
    monkeypatch.setenv("TEST_TOKEN", "secret")
    options = ("--ca", str(trust), "--token-env", "TEST_TOKEN", "--resolve", "127.0.0.1", "--json")
    with Relay(server.url, certificate=pem) as encrypted:
        target = encrypted.url.replace("127.0.0.1", "localhost")
        with relaying(target, *options) as process:
            assert process.stderr is not None
            run = wslab.send_message(process.stderr.readline().strip(), "hello")
            process.terminate()
            assert "secret" not in process.communicate()[0]
    assert run.sends[0].outcome == "accepted"


def test_slow_reader_of_lines_holds_up_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("wslab.cli.relay.MAX_WAITING", 3)
    printer = Printer(lambda record: record.label)  # type: ignore[attr-defined]
    for number in range(5):
        printer.take(Injection(at_s=0, label=f"fault {number}", fault="down", on=True, settings={}))
    printer.start()
    assert printer.stop() == 2
    assert capsys.readouterr().out == "fault 0\nfault 1\nfault 2\n"


def test_script_tells_the_step_that_fails_and_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    script = tmp_path / "steps.txt"
    script.write_text("0 remove latency\n0 add unavailable\n")
    with relaying("ws://127.0.0.1:1/", "--script", str(script)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert "+ unavailable" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert told == ("wslab: the script's step at 0 s did nothing: no fault 'latency' is switched on; these are: none\n")


def test_json_lines_are_records(server: LabServer) -> None:
    with relaying(server.url, "--json", "--fault", "latency latency_s=0.01") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stderr.readline().strip()
        wslab.send_message(url, "hello")
        records = [process.stdout.readline() for _ in range(3)]
        process.terminate()
    assert [re.findall(r'"record":"(\w+)"', record)[0] for record in records] == ["attempt", "frame", "frame"]
    assert Frame.__struct_config__.tag == "frame"


def test_terminal_shows_a_table_and_obeys_keys(server: LabServer) -> None:
    keyboard, terminal = pty.openpty()
    shown = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(keyboard, 65_536):
                shown.extend(data)

    def until(pattern: bytes) -> re.Match[bytes]:
        for _ in range(400):
            if found := re.search(pattern, bytes(shown)):
                return found
            threading.Event().wait(0.05)
        raise AssertionError(bytes(shown)[-2000:])

    environment = os.environ | {"TERM": "xterm", "COLUMNS": "140", "LINES": "30"}
    reader = threading.Thread(target=read)
    with relaying(server.url, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        reader.start()
        url = until(rb"ws://127\.0\.0\.1:\d+/").group().decode()
        wslab.send_message(url, "hello there")
        until(rb"hello there")
        os.write(keyboard, b"u")
        until(rb"unavailable   ")
        assert wslab.send_message(url, "x").attempts[0].http_status == 503
        os.write(keyboard, b"q")
        assert process.wait(20) == 0
    reader.join(5)
    os.close(keyboard)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["here", "ws://127.0.0.1:1/"], "LISTEN is 'here', but must be a port or ADDRESS:PORT"),
        (["0", "http://127.0.0.1:1/"], "write ws://… instead"),
        (["0.0.0.0:0", "ws://127.0.0.1:1/"], "expose=True"),
        (["0", "ws://127.0.0.1:1/", "--fault", "latency latency_s=-1"], "latency_s is -1"),
        (["0", "ws://127.0.0.1:1/", "--listen-key", "key.pem"], "there is no certificate; give the certificate too"),
        (["0", "ws://127.0.0.1:1/", "--script", "SCRIPT"], "is not UTF-8"),
    ],
)
def test_wrong_argument_is_told_in_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "SCRIPT").write_bytes(b"0 \xff")
    done = wslab_command("relay", *(word.replace("SCRIPT", str(tmp_path / word)) for word in arguments))
    assert done.returncode == 2
    assert message in done.stderr


def test_port_in_use_is_told_in_one_line(server: LabServer) -> None:
    done = wslab_command("relay", server.url.rsplit(":")[-1].strip("/"), "ws://127.0.0.1:1/")
    assert done.returncode == 1
    assert "cannot be bound: Address already in use" in done.stderr


def test_origin_that_is_none_is_refused_by_its_bounds(server: LabServer) -> None:
    refused = wslab_command("relay", "0", server.url, "--origins", "https://hub.example.org/user")
    assert refused.returncode == 2
    assert "an origin is scheme://host[:port]" in refused.stderr
