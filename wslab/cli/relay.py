"""`wslab relay`: what goes between a client and a server, frame by frame, and bent while it runs."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from wslab.cli.console import JsonOption, OriginsOption, check_writable, print_saved
from wslab.cli.relay_screen import line_of, obey, show
from wslab.cli.standing import lines, standing
from wslab.cli.target import with_target
from wslab.core.errors import BadValueError
from wslab.core.files import write_whole
from wslab.core.printable import printable
from wslab.core.records import Record
from wslab.core.relay.script import read_command, read_script
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.net.relay.relay import MAX_FRAMES, Relay


@with_target
def relay(
    listen: Annotated[
        str, typer.Argument(help="Where clients connect: a port, or ADDRESS:PORT; port 0 is a free one.")
    ],
    target: Target,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Switched on from the beginning, such as 'latency latency_s=0.2'. Repeatable."),
    ] = None,
    script: Annotated[Path | None, typer.Option(help="File of timed steps: TIME add|remove FAULT … a line.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the run: what passed, and what was bent.")] = None,
    pcapng: Annotated[Path | None, typer.Option(help="File for the frames that passed, for Wireshark.")] = None,
    expose: Annotated[bool, typer.Option(help="Let other machines come; the URL then holds a token.")] = False,
    listen_cert: Annotated[Path | None, typer.Option(help="PEM file with which it listens for wss://.")] = None,
    listen_key: Annotated[
        Path | None, typer.Option(help="PEM file of that certificate's key, if it is in another file.")
    ] = None,
    origins: OriginsOption = None,
    seed: Annotated[int, typer.Option(help="Of what the faults draw.")] = 0,
    max_frames: Annotated[int, typer.Option(help="Of which records are kept.")] = MAX_FRAMES,
    as_json: JsonOption = False,
) -> None:
    """Stand between a client and a server, show every frame, and bend what passes.

    In a terminal, a key switches a fault on or off, and q ends it. Elsewhere it prints one line per frame, and reads
    commands from standard input: add FAULT SETTING=VALUE, remove FAULT, clear, quit. With --json, the lines are those
    of a run's file.
    """
    host, port = _address(listen)
    steps = read_script(script.read_text()) if script is not None else ()
    commands = [read_command(f"add {words}") for words in fault or ()]
    for file in filter(None, (out, pcapng)):
        check_writable(file)
    relaying = Relay(
        target,
        host=host,
        port=port,
        expose=expose,
        certificate=listen_cert,
        key=listen_key,
        origins=origins or (),
        seed=seed,
        max_frames=max_frames,
    )
    try:
        with relaying:
            for command in commands:
                relaying.obey(command)
            relaying.play(steps)
            if sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
                show(relaying)
            else:
                _print(relaying, as_json=as_json)
    finally:
        print_saved(_saved(relaying.run(), out, pcapng))


def _saved(run: Run, out: Path | None, pcapng: Path | None) -> list[Path]:
    saved = [] if out is None else [run.save(out)]
    if pcapng is not None:
        from wslab.captures.reenacting import reenact

        write_whole(pcapng, reenact(run))
        saved.append(pcapng)
    return saved


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isdecimal():
        raise BadValueError(f"LISTEN is {listen!r}, but must be a port or ADDRESS:PORT, such as 8080 or 127.0.0.1:8080")
    return host.strip("[]") or "127.0.0.1", int(port)


# Without a terminal


def _print(relaying: Relay, *, as_json: bool) -> None:
    told: queue.SimpleQueue[Record | None] = queue.SimpleQueue()  # not by the relay's own thread, which must not wait

    def write() -> None:
        while (record := told.get()) is not None:
            line = msgspec.json.encode(record).decode() if as_json else line_of(record)
            with contextlib.suppress(OSError):  # nobody reads any more
                print(line, flush=True)

    relaying.listeners.append(told.put)
    writer = threading.Thread(target=write, daemon=True)
    with standing() as arrived:
        print(relaying.url, file=sys.stderr if as_json else sys.stdout, flush=True)
        writer.start()
        try:
            for line in lines(arrived):
                if words := obey(relaying, line):
                    print(f"wslab: {printable(words)}", file=sys.stderr, flush=True)
        finally:
            told.put(None)
            writer.join(timeout=1)
