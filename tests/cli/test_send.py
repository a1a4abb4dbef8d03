"""`wslab send` and the options that it shares with every command that speaks to a server, against real servers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import wslab_command
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from wslab.cli.schema import DOCUMENTS
from wslab.net import runtime


class Guarded:
    """A server that greets, wants what a browser's application sends along, refuses 1,000 bytes, and notes requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.url = ""

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if request.headers.get("Authorization") != "Bearer swordfish-4711":
            return connection.respond(401, "no token\n")
        return None

    async def talk(self, connection: ServerConnection) -> None:
        await connection.send('{"hello": true}')
        async for message in connection:
            if len(message) > 1000:
                await connection.close(1009, "too big")
                return
            await connection.send(message)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    server = Guarded()
    running = threading.Event()
    ended: list[asyncio.Event] = []

    async def run() -> None:
        ended.append(asyncio.Event())
        async with serve(server.talk, "127.0.0.1", 0, process_request=server.check, close_timeout=1) as listening:
            server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/chat"
            running.set()
            await ended[0].wait()

    job = runtime.start(run())
    assert running.wait(10)
    yield server
    runtime.background_loop().call_soon_threadsafe(ended[0].set)
    job.result(10)


TOKEN = {"STAGING_TOKEN": "swordfish-4711"}


def test_exchange_is_told_as_a_person_reads_it(guarded: Guarded) -> None:
    done = wslab_command("send", guarded.url, "hi there", "--token-env", "STAGING_TOKEN", **TOKEN)
    assert done.returncode == 0, done.stderr
    shown = [" ".join(line.split()[2:]) for line in done.stdout.splitlines() if " s  " in line]
    assert shown[0] == "→ TCP and opening handshake"
    assert shown[1].startswith("← HTTP 101, open after")
    assert shown[2] == '← text, 15 bytes, unasked {"hello": true}'
    assert shown[3] == "→ text, 8 bytes in 1 frame; 14 on the wire"
    assert shown[4].startswith("← answer, 8 bytes, after")
    assert shown[4].endswith("hi there")
    assert shown[5:] == ["→ close frame 1000", "← close frame 1000", "· the server ends TCP (FIN)"]


def test_refusal_comes_with_a_finding(guarded: Guarded) -> None:
    done = wslab_command("send", guarded.url, "--size", "1001", "--token-env", "STAGING_TOKEN", **TOKEN)
    assert "← close frame 1009" in " ".join(done.stdout.split())
    assert "refuses a message of 1,001 bytes with 1009" in done.stdout


def test_request_holds_what_the_options_say(guarded: Guarded, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("swordfish-4711\n")
    token.chmod(0o644)
    options = ["--header", "X-Team: blue", "--cookie", "session={env:SESSION}", "--origin", "https://app.example"]
    options += ["--user-agent", "tester", "--token-file", str(token)]
    done = wslab_command("send", guarded.url, "hi", *options, SESSION="cookie-value-1")
    assert done.returncode == 0, done.stderr
    sent = guarded.requests[-1].headers
    assert sent["X-Team"] == "blue"
    assert sent["Cookie"] == "session=cookie-value-1"
    assert sent["Origin"] == "https://app.example"
    assert sent["User-Agent"] == "tester"
    assert f"chmod 600 {token}" in done.stderr


def test_message_comes_from_a_file_or_standard_input(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b"\xff\xfe")
    of_file = wslab_command(
        "send", guarded.url, "--file", str(tmp_path / "message"), "--token-env", "STAGING_TOKEN", **TOKEN
    )
    assert "binary, 2 bytes" in of_file.stdout
    of_input = wslab_command("send", guarded.url, "-", "--token-env", "STAGING_TOKEN", stdin="typed", **TOKEN)
    assert "text, 5 bytes" in of_input.stdout


def test_target_of_a_file_needs_no_more_than_its_name(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(
        f'[staging]\nurl = "{guarded.url}?key={{env:STAGING_KEY}}"\ntoken = "{{env:STAGING_TOKEN}}"\n'
        'template = \'{"op": "echo", "data": "{filler}"}\'\n'
    )
    done = wslab_command(
        "send", "staging", "--size", "40", "--targets", str(file), "--json", STAGING_KEY="key-value-1", **TOKEN
    )
    document = json.loads(done.stdout)
    assert document["sends"][0]["payload_bytes"] == 40
    assert json.loads(document["sends"][0]["reply"]) == {"op": "echo", "data": "a" * 14}
    assert guarded.requests[-1].path == "/chat?key=key-value-1"
    assert document["run"]["url"] == f"{guarded.url}?key={{env:STAGING_KEY}}"


def test_no_secret_is_written_or_shown(guarded: Guarded, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    url = guarded.url.replace("ws://", "ws://ada:password-22@") + "?token=query-value-33"
    options = ["--header", "X-Key: header-value-44", "--cookie", "c=cookie-value-55", "--out", str(out)]
    for more in ((), ("--json",)):
        done = wslab_command("send", url, "hi", *options, *more)
        written = done.stdout + done.stderr + out.read_text()
        assert done.returncode == 3, "user info is sent as another kind of authorization"
        assert not [secret for secret in ("password-22", "-33", "-44", "-55", "ada") if secret in written]
        assert "token=…" in written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["staging"], "is neither a ws:// or wss:// URL nor a target"),
        (["http://127.0.0.1/"], "write ws://… instead"),
        (["ws://example.org/", "hi"], "--i-may-probe example.org"),
        (["ws://127.0.0.1:1/", "hi", "--size", "5"], "MESSAGE and --size are given, but one message is sent"),
        (["ws://127.0.0.1:1/", "--header", "no colon"], "--header is not 'Name: value'"),
        (["ws://127.0.0.1:1/", "--template", '{"n": {filler}}'], "is not valid JSON at 7 bytes"),
        (["ws://127.0.0.1:1/", "--template", "@/no/such/file"], "cannot be read: No such file"),
        (["ws://127.0.0.1:1/", "--token-env", "A", "--token-file", "b"], "a request has one token"),
        (["ws://127.0.0.1:1/", "--answer", "2=3"], "must be 'heard => said'"),
        (["ws://127.0.0.1:1/", "--file", "/no/such/file"], "cannot be read: No such file"),
        (["ws://127.0.0.1:1/", "--confirm", "maybe"], "Known: 'reply', 'ping', 'none'"),
        (["wss://127.0.0.1:1/", "--ca", "/no/such/ca"], "holds no readable certificate"),
    ],
)
def test_wrong_argument_is_one_line_before_anything_is_sent(arguments: list[str], words: str) -> None:
    done = wslab_command("send", *arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["send", "probe", "watch"])
def test_every_command_for_a_server_has_the_same_options(command: str) -> None:
    text = wslab_command(command, "--help", TERMINAL_WIDTH="200").stdout
    wanted = ("header", "cookies", "token-env", "greeting", "template", "ca", "proxy", "unix-socket", "i-may-probe")
    assert [option for option in wanted if f"--{option} " not in text] == []


def test_help_keeps_its_brackets() -> None:
    assert "'wslab[app]'" in wslab_command("app", "--help").stdout


def test_document_is_published() -> None:
    assert DOCUMENTS["send"].__name__ == "SendDocument"
