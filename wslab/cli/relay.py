"""`wslab relay`: shows what passes between a client and a server, frame by frame, and bends it while it runs."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from wslab.cli.console import INTERRUPTED, JsonOption, OriginsOption, check_writable, print_saved
from wslab.cli.relay_screen import line_of, obey, show
from wslab.cli.standing import lines, standing
from wslab.cli.target import with_target
from wslab.core.errors import BadValueError
from wslab.core.files import write_whole
from wslab.core.printable import printable
from wslab.core.records import Record
from wslab.core.relay.script import TimedCommand, read_command, read_script
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.net.relay.relay import MAX_FRAMES, Relay

MAX_WAITING = 100_000
"""Records that wait to be printed."""


@with_target
def relay(
    listen: Annotated[
        str, typer.Argument(help="Where clients connect: a port, or ADDRESS:PORT; port 0 is a free one.")
    ],
    target: Target,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A fault to begin with, such as 'latency latency_s=0.2'. Repeatable."),
    ] = None,
    script: Annotated[Path | None, typer.Option(help="File of timed steps, one per line: TIME add FAULT …")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the run: what passed, and what was bent.")] = None,
    pcapng: Annotated[Path | None, typer.Option(help="File for the frames that passed, for Wireshark.")] = None,
    expose: Annotated[bool, typer.Option(help="Let other machines connect; the URL then contains a token.")] = False,
    listen_cert: Annotated[Path | None, typer.Option(help="PEM file with a certificate, to listen for wss://.")] = None,
    listen_key: Annotated[
        Path | None, typer.Option(help="PEM file with the certificate's key, if that is in another file.")
    ] = None,
    origins: OriginsOption = None,
    seed: Annotated[int, typer.Option(help="For what the faults draw at random.")] = 0,
    max_frames: Annotated[int, typer.Option(help="How many frames to keep records of.")] = MAX_FRAMES,
    as_json: JsonOption = False,
) -> int:
    """Stand between a client and a server, show every frame, and bend what passes.

    In a terminal, a key switches a fault on or off, and q quits. Elsewhere it prints one line per frame, and reads
    commands from standard input: add FAULT SETTING=VALUE, remove FAULT, clear, quit. With --json, the lines are those
    of a run's file.
    """
    host, port = _address(listen)
    steps = () if script is None else read_script(_text(script))
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
    relaying.start()
    try:
        for command in commands:
            relaying.obey(command)
        return _stand(relaying, steps, as_json=as_json)
    finally:
        relaying.stop()
        print_saved(_saved(relaying.run(), out, pcapng))


def _stand(relaying: Relay, steps: Sequence[TimedCommand], *, as_json: bool) -> int:
    try:
        if sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
            show(relaying, steps)
        else:
            _print(relaying, steps, as_json=as_json)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _text(script: Path) -> str:
    try:
        return script.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadValueError(f"the script {str(script)!r} is not UTF-8: {error}; save it as UTF-8") from None


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


def _print(relaying: Relay, steps: Sequence[TimedCommand], *, as_json: bool) -> None:
    printer = Printer(lambda record: msgspec.json.encode(record).decode() if as_json else line_of(record))
    relaying.listeners.append(printer.take)
    relaying.warners.append(_warn)
    with standing() as arrived:
        print(relaying.url, file=sys.stderr if as_json else sys.stdout, flush=True)
        printer.start()
        relaying.play(steps)
        try:
            for line in lines(arrived):
                if words := obey(relaying, line):
                    _warn(words)
        finally:
            if missed := printer.stop():
                _warn(f"{missed:,} lines were not printed: they came faster than they were read")


def _warn(words: str) -> None:
    print(f"wslab: {printable(words)}", file=sys.stderr, flush=True)


class Printer:
    """Prints records in a thread, so that a slow reader does not hold up the relay; what waits is bounded."""

    def __init__(self, line_of: Callable[[Record], str]) -> None:
        self._line_of = line_of
        self._waiting: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._missed = 0
        self._thread = threading.Thread(target=self._print, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, record: Record) -> None:
        """Print a record soon, unless too many wait."""
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put(record)
        else:
            self._missed += 1

    def stop(self) -> int:
        """Print what waits, for a second at most; return how many records were not printed."""
        self._waiting.put(None)
        self._thread.join(timeout=1)
        return self._missed

    def _print(self) -> None:
        while (record := self._waiting.get()) is not None:
            with contextlib.suppress(OSError):  # nobody reads any more
                print(self._line_of(record), flush=True)
