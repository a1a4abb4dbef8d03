"""The herd beside a plain loop over raw sockets, which is the limit in Python, and beside other load generators.

All connect to the same server, in turns, and rates are by its clock, from its first handshake to its last.
"""

from __future__ import annotations

import contextlib
import functools
import math
import platform
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import psutil
from _peers import PEERS, Peer, program
from _results import Result, tell

from wslab.core.intervals import quantile
from wslab.core.policies.textbook import none
from wslab.core.records import Closure, Outage
from wslab.net import runtime
from wslab.net.herds.herd import Herd
from wslab.net.recording import Recorder

HERE = Path(__file__).parent
PATIENCE_S = 60.0
PLAIN = f"a plain epoll loop, Python {platform.python_version()}"

Figures = dict[str, float]
"""What one turn measured, by name; units are part of the names."""


class Served:
    """The fast server, in a process of its own, and what it says."""

    def __init__(self, process: subprocess.Popen[str], clients: int) -> None:
        self._process = process
        self._clients = clients
        self.port = int(self._line())

    def connects_per_s(self) -> float:
        """Wait until all have connected; NaN if the server ends before."""
        return self._clients / float(self._line() or "nan")

    def restart(self) -> None:
        """Have it send 1012 to everyone."""
        self._process.send_signal(signal.SIGUSR1)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def served(clients: int) -> Iterator[Served]:
    command = [sys.executable, str(HERE / "_fast_server.py"), str(clients)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(PATIENCE_S, process.kill)  # a client that never connects is not awaited longer
        watchdog.start()
        try:
            yield Served(process, clients)
        finally:
            watchdog.cancel()
            process.kill()


def _cpu_s(pids: Iterable[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def herd_gathers(clients: int) -> Figures:
    """Connect a herd, and let it go."""

    async def gather(port: int) -> Recorder:
        recorder = Recorder()
        async with Herd(f"ws://127.0.0.1:{port}/", recorder, clients, none()) as herd:
            began_s = _cpu_s(herd.pids)
            while herd.tally.held < clients:
                await herd.changed()
            recorder.measured["cpu_s"] = _cpu_s(herd.pids) - began_s
        return recorder

    with served(clients) as server:
        recorder = runtime.run(gather(server.port))
        lag_p99_s = quantile(recorder.lags_s or [], 0.99) or 0.0
        return recorder.measured | {"connects_per_s": server.connects_per_s(), "lag_p99_s": lag_p99_s}


def herd_returns(clients: int) -> Figures:
    """Close a herd with 1012, all at once, and let it come back at once."""

    async def drill(server: Served) -> Recorder:
        recorder = Recorder()
        async with Herd(f"ws://127.0.0.1:{server.port}/", recorder, clients, none()) as herd:
            while herd.tally.held < clients:
                await herd.changed()
            server.restart()
            while herd.tally.returned < clients:
                await herd.changed()
        return recorder

    with served(clients) as server:
        records = runtime.run(drill(server)).records
    closed_s = [record.close_started_at_s for record in records if isinstance(record, Closure) and record.received]
    sent_away_s = sorted(closed_s)[:clients]  # later ones answer the herd's own leave-taking
    reopened_s = max(record.reopened_at_s or 0.0 for record in records if isinstance(record, Outage))
    return {
        "spread_s": sent_away_s[-1] - sent_away_s[0],
        "reconnects_per_s": clients / (reopened_s - sent_away_s[0]),
    }


def plain_loop(clients: int) -> Figures:
    """Connect by the plain loop, and close all with 1012."""
    with served(clients) as server:
        command = [sys.executable, str(HERE / "_plain_client.py"), str(server.port), str(clients)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            cpu_s, grown_bytes = map(float, process.stdout.readline().split())
            server.restart()
            spread_s = float(process.stdout.readline())
        return {
            "connects_per_s": server.connects_per_s(),
            "cpu_s": cpu_s,
            "client_bytes_per_connection": grown_bytes / clients,
            "spread_s": spread_s,
        }


def peer_gathers(peer: Peer, clients: int) -> Figures:
    with (
        tempfile.TemporaryDirectory() as folder,
        served(clients) as server,
        peer.loose(server.port, clients, Path(folder)),
    ):
        return {"connects_per_s": server.connects_per_s()}


class Rounds:
    """Turns taken in rounds, so that a slow spell of the machine hits them all."""

    def __init__(self, turns: Mapping[str, Callable[[], Figures]], rounds: int) -> None:
        self._taken = [{name: turn() for name, turn in turns.items()} for _ in range(rounds)]

    def of(self, name: str, figure: str) -> tuple[float, ...]:
        """Return a figure of each round in which all had connected."""
        return tuple(filter(math.isfinite, self._every(name, figure)))

    def ratios(self, ours: str, theirs: str, figure: str) -> tuple[float, ...]:
        pairs = zip(self._every(ours, figure), self._every(theirs, figure), strict=True)
        return tuple(filter(math.isfinite, (own / other for own, other in pairs)))

    def _every(self, name: str, figure: str) -> list[float]:
        return [turns[name][figure] for turns in self._taken]


def race(clients: int, rounds: int) -> Iterator[Result]:
    """Compare how fast all of them connect."""
    here = [peer for peer in PEERS if peer.is_here]
    turns = {"herd": functools.partial(herd_gathers, clients), "plain": functools.partial(plain_loop, clients)}
    turns |= {peer.program: functools.partial(peer_gathers, peer, clients) for peer in here}
    taken = Rounds(turns, rounds)
    claim = f"connections per second, {clients:,} clients of a herd"
    yield Result(claim=claim, values=taken.of("herd", "connects_per_s"), unit="per s")
    yield Result(claim=claim, values=taken.ratios("herd", "plain", "connects_per_s"), peer=PLAIN, at_least=0.6)
    for peer in PEERS:
        if peer in here:
            version, ratios = program(peer.program, peer.asked), taken.ratios("herd", peer.program, "connects_per_s")
            note = "" if ratios else "not all of its clients connected"
            yield Result(claim=claim, values=ratios, peer=version, at_least=peer.at_least, note=note)
        else:
            note = f"not on PATH; to have it: {peer.how_to_get}"
            yield Result(claim=claim, peer=peer.program, at_least=peer.at_least, note=note)
    yield Result(claim=f"{claim}: processor time", values=taken.ratios("herd", "plain", "cpu_s"), peer=PLAIN)


def hold(clients: int, rounds: int) -> Iterator[Result]:
    """Compare what it costs to hold them all, and how soon they hear that they are closed."""
    turns = {
        "herd": functools.partial(herd_gathers, clients),
        "return": functools.partial(herd_returns, clients),
        "plain": functools.partial(plain_loop, clients),
    }
    taken = Rounds(turns, rounds)
    held, size = f"{clients:,} clients of a herd", "client_bytes_per_connection"
    yield Result(claim=f"memory of each of {held}", values=taken.of("herd", size), unit="B", at_most=2048)
    yield Result(claim=f"memory of each of {held}", values=taken.ratios("herd", "plain", size), peer=PLAIN)
    lags_ms = tuple(1e3 * lag_s for lag_s in taken.of("herd", "lag_p99_s"))
    yield Result(claim=f"how late the loop of {held} is (p99)", values=lags_ms, unit="ms", at_most=2)
    spreads = taken.ratios("return", "plain", "spread_s")
    yield Result(claim=f"1012 to {held}, from the first to the last", values=spreads, peer=PLAIN)
    returns = taken.of("return", "reconnects_per_s")
    yield Result(claim=f"reconnections per second, {held}", values=returns, unit="per s")


def measure(quick: bool) -> Iterator[Result]:
    rounds = 1 if quick else 5
    yield from race(1000 if quick else 5000, rounds)
    yield from hold(1000 if quick else 9500, rounds)


if __name__ == "__main__":
    tell(measure, __doc__)
