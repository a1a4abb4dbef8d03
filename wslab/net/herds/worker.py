"""The program of a herd's worker: it gathers its clients (`wslab.net.herds.herding`), and disperses them.

It reads commands from stdin and writes events to stdout (`wslab.net.herds.worker_protocol`), and it exits at once when
its parent dies, however that happens: no client is left behind.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterable

from wslab.net import control, machine, parent
from wslab.net.herds.herding import Herding
from wslab.net.herds.worker_protocol import Command, Gather, HandedOver


def main() -> None:
    parent.leave_after_it()
    machine.raise_open_files()
    stdout = sys.stdout.buffer
    sys.stdout = sys.stderr  # a policy's prints must not look like events

    def tell(event: control.Message) -> None:
        stdout.write(control.encode(event) + b"\n")
        stdout.flush()

    tell(control.Ready())
    commands = parent.commands(Command)
    order = next(commands)
    assert isinstance(order, Gather)
    time.sleep(max(0.0, order.origin + order.begins_at_s - time.monotonic()))  # all workers begin at once

    def hand_over(page: bytes) -> None:
        if order.ledger_descriptor is None:
            tell(HandedOver(page=page))
        else:
            os.write(order.ledger_descriptor, page)  # never blocks, unlike a pipe

    herding = Herding(order, tell, hand_over)
    threading.Thread(target=_watch_stdin, args=(herding, commands), daemon=True).start()
    # There are no reference cycles here, and searching thousands of clients for them would stop everything.
    gc.disable()
    herding.run()
    parent.leave()


def _watch_stdin(herding: Herding, commands: Iterable[Command]) -> None:
    # In a thread, to notice the parent's death even if a policy never yields.
    for _disperse in commands:
        herding.is_to_disperse.set()


if __name__ == "__main__":
    main()
