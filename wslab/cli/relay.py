"""`wslab relay`: what goes between a client and a server, frame by frame, and bent while it runs."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from wslab.cli.console import JsonOption, check_writable, print_saved
from wslab.cli.standing import Arrived, lines, standing
from wslab.core.errors import BadValueError, WslabError
from wslab.core.printable import printable
from wslab.core.records import Attempt, Closure, Frame, Injection, Record
from wslab.core.relay.script import Remove, read_command, read_script
from wslab.core.trust import Trust
from wslab.net.relay.relay import MAX_FRAMES, Relay

KEYS = {
    "l": "add latency latency_s=0.5 direction=both",
    "b": "add bandwidth bytes_per_s=10000 direction=both",
    "t": "add timeout",
    "d": "add down",
    "r": "add reset_peer",
    "k": "add cut after_bytes=1",
    "c": "add send_close code=1012",
    "x": "add drop_close direction=both",
    "w": "add rewrite_close code=1011",
    "p": "add hold_pongs direction=both",
    "u": "add unavailable retry_after_s=1",
}
"""What a key switches on, and off when it is pressed again."""

REDRAWN_PER_S = 8
ARROWS = {"client": "→", "server": "←"}


def relay(
    listen: Annotated[
        str, typer.Argument(help="Where clients connect: a port, or ADDRESS:PORT; port 0 is a free one.")
    ],
    target: Annotated[str, typer.Argument(help="Where connections lead: a ws:// or wss:// URL.")],
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Switched on from the beginning, such as 'latency latency_s=0.2'. Repeatable."),
    ] = None,
    script: Annotated[Path | None, typer.Option(help="File of timed steps: TIME add|remove FAULT … a line.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the run: what passed, and what was bent.")] = None,
    expose: Annotated[bool, typer.Option(help="Let other machines come; the URL then holds a token.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="PEM file with which it listens for wss://.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the certificate's key, where that is not in it.")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM file of the authorities to trust for a wss:// target.")] = None,
    insecure: Annotated[bool, typer.Option(help="Accept any certificate of a wss:// target.")] = False,
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
    if out is not None:
        check_writable(out)
    relaying = Relay(
        target,
        host=host,
        port=port,
        expose=expose,
        certificate=certificate,
        key=key,
        trust=Trust(ca=ca, insecure=insecure),
        seed=seed,
        max_frames=max_frames,
    )
    try:
        with relaying:
            for command in commands:
                relaying.obey(command)
            relaying.play(steps)
            if sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
                _show(relaying)
            else:
                _print(relaying, as_json=as_json)
    finally:
        if out is not None:
            print_saved([relaying.run().save(out)])


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
            line = msgspec.json.encode(record).decode() if as_json else _line(record)
            with contextlib.suppress(OSError):  # nobody reads any more
                print(line, flush=True)

    relaying.listeners.append(told.put)
    writer = threading.Thread(target=write, daemon=True)
    with standing() as arrived:
        print(relaying.url, file=sys.stderr if as_json else sys.stdout, flush=True)
        writer.start()
        try:
            for line in lines(arrived):
                if words := _obey(relaying, line):
                    print(f"wslab: {printable(words)}", file=sys.stderr, flush=True)
        finally:
            told.put(None)
            writer.join(timeout=1)


def _obey(relaying: Relay, line: str) -> str:
    """Do what a line says, and return what was wrong with it."""
    try:
        relaying.obey(read_command(line))
    except WslabError as error:
        return str(error)
    return ""


def _line(record: Record) -> str:
    match record:
        case Frame():
            cells = _cells(record)
            return " ".join(cell for cell in cells if cell)
        case Attempt():
            answer = record.http_status or record.outcome
            return f"{record.ended_at_s:10.3f} #{record.client} {answer} {printable(record.error or '')}".rstrip()
        case Closure():
            reason = printable(record.close_reason)
            return f"{record.closed_at_s:10.3f} #{record.client} ended: {record.close_code} {reason}".rstrip()
        case Injection():
            return f"{record.at_s:10.3f} {'+' if record.on else '-'} {record.label}"
    return ""


def _cells(frame: Frame) -> list[str]:
    bits = " ".join(name for name, on in (("FIN", frame.final), ("RSV1", frame.rsv1), ("mask", frame.masked)) if on)
    code = "" if frame.close_code is None else f"{frame.close_code} "
    fate = "" if frame.fate == "passed" else frame.fate
    arrow = ARROWS[frame.sent_by]
    return [
        *(f"{frame.at_s:10.3f}", f"#{frame.client}", arrow, frame.opcode, bits, f"{frame.payload_bytes:,} B", fate),
        code + frame.preview,
    ]


# In a terminal


def _show(relaying: Relay) -> None:
    console = Console()
    rows: deque[Record] = deque(maxlen=max(5, console.size.height - 12))
    relaying.listeners.append(rows.append)
    pressed: Arrived = queue.SimpleQueue()
    with (
        _keys(pressed),
        Live(console=console, auto_refresh=False, screen=True) as live,
    ):
        said, key = "", None
        while key != "q":
            live.update(_screen(relaying, tuple(rows), said), refresh=True)
            with contextlib.suppress(queue.Empty):
                key = pressed.get(timeout=1 / REDRAWN_PER_S)
                said = _press(relaying, key or "")


def _press(relaying: Relay, key: str) -> str:
    if key == "0":
        return _obey(relaying, "clear")
    if key not in KEYS:
        return ""
    label = KEYS[key].split()[1]
    if label in relaying.faults:
        relaying.obey(Remove(label))
        return ""
    return _obey(relaying, KEYS[key])


def _screen(relaying: Relay, records: tuple[Record, ...], said: str) -> Table:
    screen = Table.grid(expand=True)
    screen.add_row(Text(f"{relaying.url} → {relaying!r}   {relaying.connections} open", style="bold"))
    on = ", ".join(relaying.faults) or "nothing is bent"
    screen.add_row(Text(f"{on}   {said}", style="red" if relaying.faults or said else "dim"))
    table = Table("time, s", "client", "", "opcode", "bits", "length", "fate", "payload", expand=True)
    table.columns[0].justify = table.columns[5].justify = "right"
    for record in records:
        if isinstance(record, Frame):
            style = "" if record.fate == "passed" else "red"
            table.add_row(
                *(Text(cell.strip(), style=style, overflow="ellipsis", no_wrap=True) for cell in _cells(record))
            )
        elif line := _line(record).strip():
            table.add_row("", "", "", "", "", "", "", Text(line, style="italic", overflow="ellipsis", no_wrap=True))
    screen.add_row(table)
    keys = "  ".join(f"{key} {line.split()[1]}" for key, line in KEYS.items())
    screen.add_row(Text(f"{keys}  0 clear  q quit", style="dim"))
    return screen


@contextlib.contextmanager
def _keys(pressed: Arrived) -> Iterator[None]:
    """Put each key as it is pressed, while the terminal passes them on one by one."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                pressed.put(os.read(descriptor, 1).decode(errors="replace") or "q")
            time.sleep(0.01)

    tty.setcbreak(descriptor)
    threading.Thread(target=read, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
