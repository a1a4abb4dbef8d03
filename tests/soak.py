"""A soak: experiments of every kind in random order, under faults and kills; afterwards nothing may be left of them.

    make soak                      30 minutes
    make soak ARGS='--for 5m'      five; one is what continuous integration can afford

It is bounded, on loopback, and its order is drawn from a seed that it prints. It fails if a process, thread,
descriptor, connection or temporary file is left, if memory grew by 5 % or more after the first third, or if a run
cannot be read again.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

import wslab
from wslab.core.errors import HerdError, LabServerError
from wslab.core.records import KINDS
from wslab.core.relay.faults import Cut, Latency, LimitData, ResetPeer, Slicer
from wslab.core.runs import Run
from wslab.experiments import herd_drill, stay_connected
from wslab.net.relay.relay import Relay
from wslab.net.server.lab_server import LabServer
from wslab.reports.report import make_report

KNOBS = wslab.Knobs(max_message_bytes=10_000, downtime_s=0.05, close_timeout_s=0.5)
FAULTS = (
    Latency(latency_s=0.005),
    ResetPeer(timeout_s=0.1),
    Cut(after_bytes=300),
    LimitData(limit_bytes=3000),
    Slicer(),
)
WARM_UP_SHARE = 0.3
MOST_GROWN = 0.05


def through_a_relay(rng: random.Random) -> Run:
    """A sweep and a client that stays, through a relay that bends what passes."""
    with LabServer(KNOBS) as server, Relay(server.url) as relay:
        relay.add(rng.choice(FAULTS))
        wslab.payload_sweep(relay.url, [10, 9000, 20_000], timeout_s=1)
        stay_connected(relay.url, "constant", duration_s=0.3)
        return relay.run()


def under_a_kill(rng: random.Random) -> Run:
    """A herd, one of whose workers, or whose server, is killed meanwhile."""

    def kill() -> None:
        with contextlib.suppress(psutil.Error, IndexError):
            rng.choice(psutil.Process().children()).kill()

    timer = threading.Timer(rng.uniform(0, 1.5), kill)
    timer.start()
    try:
        return herd_drill(KNOBS, clients=30, policy="constant", workers=2, timeout_s=3, seed=rng.randrange(1000))
    except (HerdError, LabServerError):  # killed before there was anything to measure
        return wslab.send_message(KNOBS, "x")
    finally:
        timer.cancel()
        timer.join()


def starts_and_stops(rng: random.Random) -> Run:
    """Servers that start, crash or restart, and stop."""
    for _ in range(5):
        with LabServer(KNOBS) as server:
            server.restart(rng.choice(["graceful", "crash", "reload"]))
    return wslab.send_message(KNOBS, "x")


def report(_: random.Random) -> Run:
    """A report of a run, which a kernel of its own makes."""
    run = wslab.send_message(KNOBS, "x")
    with tempfile.TemporaryDirectory() as folder:
        make_report(str(run.save(Path(folder, "run.jsonl"))))
    return run


def watching(rng: random.Random) -> Run:
    return wslab.watch(
        wslab.Knobs(idle_timeout_s=0.3), duration_s=1, clients=5, interval_s=0.1, apart_s=0.05, connections_per_min=600
    )


ROUNDS: dict[str, Callable[[random.Random], Run]] = {
    "sweep": lambda _: wslab.payload_sweep(KNOBS, [10, 9_000, 20_000]),
    "restart": lambda rng: wslab.restart_drill(
        KNOBS, clients=3, policy="constant", kind=rng.choice(["graceful", "crash"])
    ),
    "herd": lambda _: herd_drill(KNOBS, clients=50, policy="none", workers=2),
    "relay": through_a_relay,
    "kill": under_a_kill,
    "starts": starts_and_stops,
    "watch": watching,
    "report": report,
}


def keep(run: Run, folder: Path) -> None:
    """Save it, and read it again."""
    assert wslab.load(run.save(folder / "run.jsonl.gz")) == run
    assert sum(len(run.of(kind.record)) for kind in KINDS) == len(run.records)


def left(before: set[str]) -> Iterator[str]:
    """Yield what is left and was not there before."""
    process = psutil.Process()
    yield from (f"process {child.pid}" for child in process.children(recursive=True))
    yield from (f"connection {one}" for one in process.net_connections() if one.status != psutil.CONN_NONE)
    yield from sorted(open_now() - before)


def open_now() -> set[str]:
    """Return this process's threads and its own temporary files, by name, and its descriptors, counted."""
    threads = {f"thread {thread.name}" for thread in threading.enumerate()}
    files = {f"file {path}" for path in Path(tempfile.gettempdir()).iterdir()}
    return threads | files | {f"descriptor {number + 1}" for number in range(psutil.Process().num_fds())}


def soak(seconds: float, seed: int) -> int:
    """Go on for so long; return how many faults were found."""
    rng, done, began_s = random.Random(seed), Counter[str](), time.monotonic()
    settled_bytes, faults = 0, 0
    before: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="wslab-soak-") as folder, alone_in(Path(folder, "temporary")):
        while (elapsed_s := time.monotonic() - began_s) < seconds or len(done) < len(ROUNDS):
            name = rng.choice([*ROUNDS])
            keep(ROUNDS[name](rng), Path(folder))
            done[name] += 1
            if not settled_bytes and elapsed_s > WARM_UP_SHARE * seconds and len(done) == len(ROUNDS):
                settled_bytes, before = resident_bytes(), open_now()
        patience_s = time.monotonic() + 10  # a busy machine needs a while to end what was asked to end
        while [*left(before)] and time.monotonic() < patience_s:
            time.sleep(0.5)
        for what in left(before):
            faults += 1
            print(f"left behind: {what}")
    grown = resident_bytes() / settled_bytes - 1 if settled_bytes else 0.0
    print(f"{sum(done.values())} rounds in {time.monotonic() - began_s:.0f} s ({dict(done)}), memory {grown:+.1%}")
    return faults + (grown >= MOST_GROWN)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have temporary files made here, those of child processes too, so that no other program's are taken for ours."""
    folder.mkdir()
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    yield
    tempfile.tempdir = None


def resident_bytes() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def duration(text: str) -> float:
    found = re.fullmatch(r"(\d+)([sm])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s or 5m")
    return int(found[1]) * {"s": 1, "m": 60}[found[2]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--for", dest="seconds", type=duration, default=1800, help="such as 5m or 90s")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    sys.exit(bool(soak(options.seconds, options.seed)))
