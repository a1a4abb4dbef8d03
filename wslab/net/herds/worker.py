"""The program that a herd's worker runs: it gathers its clients (`wslab.net.herds.herding`), and lets them go.

It takes commands on stdin and reports on stdout (`wslab.net.control`), and it leaves at once when stdin ends: when its
parent dies, however it dies, no client is left behind.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from typing import NoReturn

from wslab.net import control, machine
from wslab.net.herds.herding import Herding


def main() -> None:
    machine.raise_open_files()
    stdout = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a policy prints must not be taken for a report

    def tell(event: control.Event) -> None:
        stdout.write(control.encode(event) + b"\n")
        stdout.flush()

    tell(control.Ready())
    order = control.decode_command(sys.stdin.buffer.readline() or _leave())
    assert isinstance(order, control.Gather)
    time.sleep(max(0.0, order.origin + order.begins_at_s - time.monotonic()))  # all workers begin at once
    herding = Herding(order, tell)
    threading.Thread(target=_watch_stdin, args=(herding,), daemon=True).start()
    # Nothing here makes cycles, and a search for them among thousands of clients would stop them all.
    gc.disable()
    herding.run()
    _leave()


def _watch_stdin(herding: Herding) -> None:
    # A thread of its own, since it must notice the parent's death even where a policy never yields.
    for _disperse in sys.stdin.buffer:
        herding.is_to_disperse.set()
    _leave()


def _leave() -> NoReturn:
    os._exit(0)  # the other thread sits in a read of stdin, which the interpreter's own shutdown would wait for


if __name__ == "__main__":
    main()
