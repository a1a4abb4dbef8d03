"""The readiness loop serves everyone that is ready, keeps deadlines, and lets others have their turn."""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from wslab.net.herds import readiness
from wslab.net.herds.readiness import PORTION, Deadlines, Readiness


@pytest.fixture(autouse=True, params=["this system's", "any system's"])
def _selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "any system's":
        monkeypatch.setattr(readiness, "new_selector", readiness.PortableSelector)
        monkeypatch.setattr(readiness, "READ", selectors.EVENT_READ)
        monkeypatch.setattr(readiness, "WRITE", selectors.EVENT_WRITE)


class Listener:
    """A handler that notes what it heard."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.heard = b""
        self.expiries = 0

    def ready(self) -> None:
        self.heard += self.sock.recv(100)

    def expired(self) -> None:
        self.expiries += 1


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Listener]]:
    near, far = socket.socketpair()
    yield far, Listener(near)
    near.close()
    far.close()


def test_ready_handler_is_called(pair: tuple[socket.socket, Listener]) -> None:
    far, listener = pair
    loop = Readiness(time.monotonic())
    loop.watch(listener.sock, listener)
    far.send(b"hello")
    for _ in loop.turn(math.inf):
        pass
    assert listener.heard == b"hello"
    assert loop.handlers() == [listener]


def test_socket_is_watched_for_what_was_asked_last(pair: tuple[socket.socket, Listener]) -> None:
    _, listener = pair
    calls: list[str] = []
    listener.ready = lambda: calls.append("ready")  # type: ignore[method-assign]
    loop = Readiness(time.monotonic())
    for writable in (False, True, False):
        loop.watch(listener.sock, listener, writable=writable)
        list(loop.turn(math.inf))
        calls.append("turn")
    assert calls == ["turn", "ready", "turn", "turn"]


def test_handler_whose_deadline_closed_it_is_not_called() -> None:
    loop = Readiness(time.monotonic())
    pairs = [socket.socketpair() for _ in range(PORTION + 1)]
    listeners = [Listener(near) for near, _ in pairs]
    for listener, (_, far) in zip(listeners, pairs, strict=True):
        loop.watch(listener.sock, listener)
        far.send(b"!")
    turn = loop.turn(math.inf)
    next(turn)
    (late,) = (listener for listener in listeners if not listener.heard)
    loop.close(late.sock)
    list(turn)
    assert not late.heard
    for sock in (sock for pair in pairs for sock in pair):
        sock.close()


def test_closed_socket_is_watched_no_more(pair: tuple[socket.socket, Listener]) -> None:
    _, listener = pair
    loop = Readiness(time.monotonic())
    loop.watch(listener.sock, listener)
    loop.close(listener.sock)
    assert loop.handlers() == []


def test_turn_is_cut_into_portions() -> None:
    loop = Readiness(time.monotonic())
    pairs = [socket.socketpair() for _ in range(2 * PORTION + 1)]
    listeners = [Listener(near) for near, _ in pairs]
    for listener, (_, far) in zip(listeners, pairs, strict=True):
        loop.watch(listener.sock, listener)
        far.send(b"!")
    served = [sum(bool(listener.heard) for listener in listeners) for _ in loop.turn(math.inf)]
    assert served == [PORTION, 2 * PORTION, 2 * PORTION + 1]
    for sock in (sock for pair in pairs for sock in pair):
        sock.close()


def test_beat_is_due_and_its_lag_kept() -> None:
    loop = Readiness(time.monotonic())
    beats = [beat for _ in range(3) for beat in loop.turn(math.inf)]
    assert beats == [True, True, True]
    assert len(loop.lags) == 3
    assert all(lag_s >= 0 for lag_s in loop.lags)


def test_deadlines_pass_in_order_and_end() -> None:
    deadlines = Deadlines(timeout_s=1.0)
    first, second, third = (Listener(socket.socket()) for _ in range(3))
    for at_s, listener in enumerate([first, second, third]):
        deadlines.begin(listener, float(at_s))
    deadlines.begin(first, 5.0)  # begun before: it keeps its time
    deadlines.end(second)
    deadlines.expire(0.9)
    assert first.expiries == 0
    deadlines.expire(2.5)
    assert (first.expiries, second.expiries, third.expiries) == (1, 0, 0)
    deadlines.expire(3.0)
    deadlines.expire(9.0)
    assert third.expiries == 1
    for listener in (first, second, third):
        listener.sock.close()
