"""A pytest plugin: lab servers, fleets, relays and herds as fixtures, to test a client in your own test suite.

It comes with the package and costs nothing until a test uses a fixture. A marker sets the knobs:

    @pytest.mark.wslab(max_message_bytes=10_000, downtime_s=0.2)
    def test_client_survives_a_restart(lab_server):
        with my_client(lab_server.url) as client:
            lab_server.restart()
            assert_comes_back(lab_server, within_s=5)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wslab.core.records import Account
    from wslab.core.runs import Run
    from wslab.net.relay.relay import Relay
    from wslab.net.server.fleet import LabFleet
    from wslab.net.server.lab_server import LabServer

MARKER = "wslab"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{MARKER}(**knobs): knobs of the lab server, see wslab.Knobs")


def _knobs(request: pytest.FixtureRequest) -> dict[str, Any]:
    marker = request.node.get_closest_marker(MARKER)
    return {} if marker is None else dict(marker.kwargs)


@pytest.fixture
def lab_server(request: pytest.FixtureRequest) -> Iterator[LabServer]:
    """A lab server that refuses, restarts and crashes on demand; see `wslab.LabServer`."""
    from wslab.net.server.lab_server import LabServer

    with LabServer(**_knobs(request)) as server:
        yield server


@pytest.fixture
def lab_fleet(request: pytest.FixtureRequest) -> Iterator[LabFleet]:
    """Three lab servers behind one address, restarted one after another; see `LabFleet`."""
    from wslab.net.server.fleet import LabFleet

    with LabFleet(**_knobs(request)) as fleet:
        yield fleet


@pytest.fixture
def lab_relay() -> Iterator[Callable[..., Relay]]:
    """A function that puts a relay in front of a URL and stops it after the test; see `wslab.Relay`."""
    from wslab.net.relay.relay import Relay

    relays: list[Relay] = []

    def put_before(target: str, **options: Any) -> Relay:
        relay = Relay(target, **options).start()
        relays.append(relay)
        return relay

    yield put_before
    for relay in relays:
        relay.stop()


@pytest.fixture
def lab_herd() -> Callable[..., Run]:
    """A function that restarts a server under thousands of real clients; see `wslab.experiments.herd_drill`."""
    from wslab.experiments import herd_drill

    return herd_drill


def assert_comes_back(server: LabServer, clients: int = 1, *, within_s: float = 10.0) -> None:
    """Fail, with a report of what the server saw, unless this many connections are open within this time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if _open(server) >= clients:
            return
        time.sleep(0.02)
    pytest.fail(
        f"{_open(server)} of {clients} clients were back after {within_s:g} s. The server saw:\n{_timeline(server)}"
    )


def assert_stays_away(server: LabServer, *, for_s: float = 2.0) -> None:
    """Fail, with a report of what the server saw, if a connection opens within this time."""
    began = len(server.accounts)
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        if len(server.accounts) > began:
            pytest.fail(f"A client came back within {for_s:g} s. The server saw:\n{_timeline(server)}")
        time.sleep(0.02)


def assert_sees(server: LabServer, code: int, *, within_s: float = 10.0) -> None:
    """Fail, with a report of what the server saw, unless it closes a connection with this code within this time."""
    deadline = time.monotonic() + within_s
    while code not in (sent := _sent_codes(server)):
        if time.monotonic() > deadline:
            seen = f"The server sent {sent or 'no close frame'}, and not {code}, within {within_s:g} s"
            pytest.fail(f"{seen}. It saw:\n{_timeline(server)}")
        time.sleep(0.02)


def _sent_codes(server: LabServer) -> list[int]:
    return [account.sent.code for account in server.accounts if account.sent is not None]


def _open(server: LabServer) -> int:
    return sum(account.closed_at_s is None for account in server.accounts)


def _timeline(server: LabServer) -> str:
    lines = [_told(account) for account in server.accounts] or ["no connection"]
    lines += [f"{restart.kind} restart, down {restart.downtime_s or 0:.2f} s" for restart in server.restarts]
    return "\n".join(f"  {line}" for line in lines)


def _told(account: Account) -> str:
    sent = f", sent {account.sent.code} {account.sent.reason}".rstrip() if account.sent is not None else ""
    received = f", received {account.received.code}" if account.received is not None else ""
    state = "open" if account.closed_at_s is None else f"closed by {account.closed_by}"
    return f"connection {account.connection_id}: {account.received_messages} messages, {state}{sent}{received}"
