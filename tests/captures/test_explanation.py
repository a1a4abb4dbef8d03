"""Whatever somebody brings is taken for what it is, and answered with findings or with a clear sentence."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest

import wslab
from wslab.captures.explanation import Explanation, explain
from wslab.core.errors import BadTypeError, CaptureError, RunFileError

from .conftest import Script, captured

DATA = Path(__file__).parents[2] / "data" / "captures"
CAPTURES = sorted(DATA.glob("*.pcapng"))

FOUND = {
    "too-big.pcapng": ("size_refused", "shown"),
    "reset.pcapng": ("close_frame_lost", "shown"),
    "restart.pcapng": ("announced_restart", "shown"),
    "crash.pcapng": ("crash", "likely"),
    "tls.pcapng": ("cannot_be_seen", "cannot tell"),
}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_a_recorded_capture_says_what_was_done(path: Path) -> None:
    explained = explain(path)
    assert explained.what == "packets"
    assert (explained.findings[0].rule, explained.findings[0].sure) == FOUND[path.name]


def test_every_recorded_capture_is_described() -> None:
    readme = (DATA.parent / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DATA.iterdir() if f"`{path.name}`" not in readme and path.suffix != ".py"] == []


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_with_its_key_log_tls_is_looked_into() -> None:
    explained = explain(DATA / "tls.pcapng", keys=DATA / "tls.keys")
    [closure], [trace] = explained.run.closures, explained.run.traces
    assert (closure.close_code, closure.closed_by) == (1009, "server")
    assert trace.protocol == "websocket"
    assert trace.url is not None
    assert trace.url.startswith("wss://127.0.0.1:")
    assert [send.payload_bytes for send in explained.run.sends] == [5, 5000]
    assert explained.findings[0].rule == "size_refused"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_with_the_key_log_of_another_connection_tls_stays_closed(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("CLIENT_RANDOM 00 00\n")
    assert explain(DATA / "tls.pcapng", keys=tmp_path / "keys").findings[0].rule == "cannot_be_seen"


def test_a_key_log_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wslab.captures.decryption.has_tshark", lambda: True)
    with pytest.raises(FileNotFoundError):
        explain(DATA / "tls.pcapng", keys=tmp_path / "none")


def test_without_tshark_a_key_log_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wslab.captures.decryption.has_tshark", lambda: False)
    with pytest.raises(CaptureError, match="install tshark"):
        explain(DATA / "tls.pcapng", keys=DATA / "tls.keys")


def test_the_same_things_are_taken_from_paths_streams_bytes_and_gzip(tmp_path: Path) -> None:
    path = DATA / "restart.pcapng"
    compressed = tmp_path / "restart.pcapng.gz"
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    records = explain(path).run.records
    assert explain(str(path)).run.records == records
    assert explain(path.read_bytes()).run.records == records
    assert explain(io.BytesIO(path.read_bytes())).run.records == records
    assert explain(compressed).run.records == records


def test_a_saved_run_is_explained_as_it_was(tmp_path: Path) -> None:
    explained = explain(DATA / "too-big.pcapng")
    saved = explained.run.save(tmp_path / "ticket.jsonl.gz")
    again = explain(saved)
    assert again.what == "run"
    assert (again.findings, again.run) == (explained.findings, explained.run)
    assert explain(explained.run).findings == explained.findings
    assert explain(io.BytesIO(gzip.decompress(saved.read_bytes()))).run == explained.run


def test_text_is_taken_for_text_and_a_name_without_spaces_for_a_file(tmp_path: Path) -> None:
    assert explain("websocket: close 1012").what == "text"
    assert explain("a line\nwebsocket: close 1012").run.statements[0].close_code == 1012
    with pytest.raises(FileNotFoundError):
        explain("missing.pcapng")
    log = tmp_path / "server.log"
    log.write_text("x\n" * 2_000_000 + "websocket: close 1009 (message too big)\n")
    assert explain(log).run.statements[0].close_code == 1009
    assert explain('{"type":"disconnect","reason":"server_restart"}').what == "text"


def test_text_may_be_utf_16() -> None:
    [statement] = explain("websocket: close 1009 (message too big)\n".encode("utf-16")).run.statements
    assert statement.close_code == 1009


def test_json_that_is_no_har_is_a_log() -> None:
    [statement] = explain(b'{"level":"error","msg":"websocket closed with code 1009"}\n').run.statements
    assert statement.close_code == 1009


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "white space": (b" \n\n", "is empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture"),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(100), "a program"),
    "a binary pasted as text": (bytes(range(256)), "binary data"),
    "encrypted": (b"\x16\x03\x01\x02\x00" + bytes(range(200)), "TLS, encrypted"),
    "cut in gzip": (gzip.compress(b"x" * 100_000)[:60], "no complete gzip file"),
    "compressed twice": (gzip.compress(gzip.compress(b"x")), "compressed twice"),
    "a capture without packets": (captured([]), "no TCP in 0 packets"),
    "a HAR without sockets": (b'{"log": {"entries": []}}', "without a WebSocket"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_read_is_answered_with_a_sentence(what: str) -> None:
    content, sentence = BAD[what]
    with pytest.raises(CaptureError, match=sentence):
        explain(content)


def test_a_damaged_run_is_told_as_such(tmp_path: Path) -> None:
    path = explain(DATA / "restart.pcapng").run.save(tmp_path / "run.jsonl")
    path.write_text(path.read_text()[:-40])
    with pytest.raises(RunFileError, match="line"):
        explain(path)


def test_something_else_is_refused_with_what_is_wanted() -> None:
    with pytest.raises(BadTypeError, match="a path, a text, bytes"):
        explain(5)  # type: ignore[arg-type]


def test_a_capture_that_is_cut_in_a_packet_keeps_what_came_before() -> None:
    whole = captured(Script().shake_hands().close("server", 1012).close("client", 1012).part_in_order().packets)
    explained = explain(whole[:-30])
    assert explained.run.closures[0].close_code == 1012
    assert any("cut short" in loss for loss in explained.run.info.losses)


def test_two_servers_in_one_capture_are_judged_each_by_itself() -> None:
    small = Script(port=1, server_port=81).shake_hands().frame("client", bytes(9000), 2).close("server", 1009)
    large = Script(port=2, server_port=82).shake_hands().frame("client", bytes(90_000), 2).frame("server", b"fine")
    packets = sorted([*small.packets, *large.wait_ms(5000).close("client").packets], key=lambda packet: packet.at_ns)
    found = {(finding.facts["server_address"], finding.rule) for finding in explain(captured(packets)).findings}
    assert ("127.0.0.1:81", "size_refused") in found


def test_what_a_peer_said_is_shown_and_never_obeyed() -> None:
    evil = "\x1b]0;owned\x07<script>alert(1)</script>"
    script = Script().shake_hands().close("server", 4000, evil).close("client", 4000).part_in_order()
    explained = explain(captured(script.packets))
    from rich.console import Console

    from wslab.views.findings import findings_html, findings_markdown, render_findings

    console = Console(width=200, force_terminal=True)
    with console.capture() as capture:
        console.print(render_findings(explained.findings, explained.headline))
    assert "owned" in capture.get()
    assert "\x1b]0;" not in capture.get()
    page, ticket = findings_html(explained.findings), findings_markdown(explained.findings)
    assert "owned" in page
    assert "<script>alert" not in page
    assert re.findall(r"(`*)[^`]*<script>", ticket) == ["`"] * ticket.count("<script>")  # code, which nothing acts on


def test_the_document_is_of_its_published_schema() -> None:
    document = msgspec.to_builtins(explain(DATA / "too-big.pcapng").document())
    assert msgspec.convert(json.loads(json.dumps(document)), Explanation).findings


def test_explain_is_one_of_the_packages_names() -> None:
    assert wslab.explain is explain
