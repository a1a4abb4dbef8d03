"""The herd beside a plain loop over raw sockets, which is the limit in Python, and beside other load generators.

All connect to the same server, in turns, and rates are by its clock, from its first handshake to its last. k6 is in
none of the registries that the project uses, so it is not among them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import psutil
from _peers import PEERS, Peer

from wslab.core.intervals import quantile
from wslab.core.policies.textbook import none
from wslab.core.records import Closure, Outage
from wslab.net import runtime
from wslab.net.herds.herd import Herd
from wslab.net.recording import Recorder

HERE = Path(__file__).parent
PATIENCE_S = 60.0

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
        watchdog = threading.Timer(PATIENCE_S, process.kill)  # nobody waits longer for who does not connect
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
        taken = [{name: turn() for name, turn in turns.items()} for _ in range(rounds)]
        self._figures = {name: [turn[name] for turn in taken] for name in turns}

    def median(self, name: str, figure: str) -> float:
        return statistics.median(turn[figure] for turn in self._figures[name])

    def ratio(self, ours: str, theirs: str, figure: str) -> str:
        """Return the median of the ratios, round by round, with their range."""
        pairs = zip(self._figures[ours], self._figures[theirs], strict=True)
        ratios = sorted(own[figure] / other[figure] for own, other in pairs)
        return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}, n = {len(ratios)})"


def race(clients: int, rounds: int) -> None:
    """Compare how fast all of them connect."""
    here = [peer for peer in PEERS if peer.is_here]
    turns = {"herd": functools.partial(herd_gathers, clients), "plain loop": functools.partial(plain_loop, clients)}
    turns |= {peer.program: functools.partial(peer_gathers, peer, clients) for peer in here}
    figures = Rounds(turns, rounds)
    promised = {"plain loop": 0.6} | {peer.program: peer.least for peer in here}
    print(f"{clients:,} clients: the herd connects {figures.median('herd', 'connects_per_s'):,.0f} a second")
    for name, least in promised.items():
        print(
            f"  against {figures.median(name, 'connects_per_s'):,.0f} of {name}: "
            f"ratio {figures.ratio('herd', name, 'connects_per_s')}, promised at least {least}"
        )
    print(f"  CPU time against the plain loop's: ratio {figures.ratio('herd', 'plain loop', 'cpu_s')}")
    for peer in PEERS:
        if peer not in here:
            print(f"  {peer.program} is not installed and was left out; to have it: {peer.how_to_get}")


def hold(clients: int, rounds: int) -> None:
    """Compare what it costs to hold them all, and how soon they hear that they are closed."""
    turns = {
        "herd": functools.partial(herd_gathers, clients),
        "return": functools.partial(herd_returns, clients),
        "plain loop": functools.partial(plain_loop, clients),
    }
    figures = Rounds(turns, rounds)
    median = figures.median
    print(
        f"{clients:,} clients held: {median('herd', 'client_bytes_per_connection'):,.0f} bytes each, promised at most "
        f"2,048; ratio to the plain loop's {figures.ratio('herd', 'plain loop', 'client_bytes_per_connection')}\n"
        f"  the loop is late by {median('herd', 'lag_p99_s') * 1e3:.2f} ms (p99), aimed at 2 ms\n"
        f"  1012, first to last: {median('return', 'spread_s') * 1e3:.0f} ms, "
        f"ratio to the plain loop's {figures.ratio('return', 'plain loop', 'spread_s')}\n"
        f"  and all are back at {median('return', 'reconnects_per_s'):,.0f} a second"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=5000, help="in the race")
    parser.add_argument("--held", type=int, default=9500, help="for memory, lag and closing")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    race(options.clients, options.rounds)
    hold(options.held, options.rounds)
