"""How `wslab relay` shows a relay: one line per record, or, in a terminal, a table that obeys keys."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from wslab.cli.standing import Arrived, signals
from wslab.core.errors import WslabError
from wslab.core.printable import printable
from wslab.core.records import Record
from wslab.core.relay.rows import row_of
from wslab.core.relay.script import Remove, TimedCommand, read_command
from wslab.net.relay.relay import Relay

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
"""The fault that a key switches on, and off when it is pressed again."""

REDRAWN_PER_S = 8


def obey(relaying: Relay, line: str) -> str:
    """Carry out a line, and return what was wrong with it."""
    try:
        relaying.obey(read_command(line))
    except WslabError as error:
        return str(error)
    return ""


def line_of(record: Record) -> str:
    row = row_of(record)
    return "" if row is None else " ".join([f"{row.time:>10}", *filter(None, row[1:])])


def show(relaying: Relay, steps: Sequence[TimedCommand]) -> None:
    """Show a table of what passes until q is pressed, and play a script meanwhile."""
    console = Console()
    rows: deque[Record] = deque(maxlen=max(5, console.size.height - 12))
    warnings: deque[str] = deque([""], maxlen=1)
    relaying.listeners.append(rows.append)
    relaying.warners.append(warnings.append)
    pressed: Arrived = queue.SimpleQueue()
    with (
        signals(),
        _keys(pressed),
        Live(console=console, auto_refresh=False, screen=True) as live,
    ):
        relaying.play(steps)
        key = None
        while key != "q":
            live.update(_screen(relaying, tuple(rows), warnings[-1]), refresh=True)
            with contextlib.suppress(queue.Empty):
                key = pressed.get(timeout=1 / REDRAWN_PER_S)
                warnings.append(_press(relaying, key or ""))


def _press(relaying: Relay, key: str) -> str:
    if key == "0":
        return obey(relaying, "clear")
    if key not in KEYS:
        return ""
    label = KEYS[key].split()[1]
    if label in relaying.faults:
        relaying.obey(Remove(label))
        return ""
    return obey(relaying, KEYS[key])


def _screen(relaying: Relay, records: tuple[Record, ...], said: str) -> Table:
    screen = Table.grid(expand=True)
    screen.add_row(Text(f"{relaying.url} → {relaying.target.shown_url}   {relaying.connections} open", style="bold"))
    on = ", ".join(relaying.faults) or "nothing is bent"
    screen.add_row(Text(f"{on}   {printable(said)}", style="red" if relaying.faults or said else "dim"))
    table = Table("time, s", "client", "", "opcode", "bits", "length", "fate", "payload", expand=True)
    table.columns[0].justify = table.columns[5].justify = "right"
    for row in filter(None, map(row_of, records)):
        style = "red" if row.fate else "" if row.opcode else "italic"
        table.add_row(*(Text(cell, style=style, overflow="ellipsis", no_wrap=True) for cell in row))
    screen.add_row(table)
    keys = "  ".join(f"{key} {line.split()[1]}" for key, line in KEYS.items())
    screen.add_row(Text(f"{keys}  0 clear  q quit", style="dim"))
    return screen


@contextlib.contextmanager
def _keys(pressed: Arrived) -> Iterator[None]:
    """Within the block, put each key as it is pressed, without waiting for Enter."""
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
