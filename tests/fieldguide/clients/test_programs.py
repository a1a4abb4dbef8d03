"""Subjects that are programs answer every order, also where they get stuck, break or are not there."""

from __future__ import annotations

import asyncio

import pytest

from wslab.fieldguide.clients import CLIENTS, ClientReport, Order, ProgramSubject, Subject
from wslab.net.server.lab_server import LabServer

INSTALLED = [name for name, subject in CLIENTS.items() if not subject.missing()]


def answers(subject: Subject, *orders: Order, timeout_s: float = 20) -> list[ClientReport]:
    async def ask_all() -> list[ClientReport]:
        async with subject.asking() as ask:
            return [await ask(order, timeout_s) for order in orders]

    return asyncio.run(ask_all())


@pytest.mark.parametrize("name", INSTALLED)
def test_client_tells_the_code_and_the_reason(name: str) -> None:
    with LabServer(max_message_bytes=1000) as server:
        told = answers(CLIENTS[name], *[Order(url=server.url, payload_bytes=1001)] * 2)
    assert [answer.close_code for answer in told] == [1009, 1009]
    assert {answer.close_reason for answer in told} == {"frame with 1001 bytes exceeds limit of 1000 bytes"}


@pytest.mark.parametrize("name", INSTALLED)
def test_client_that_is_not_closed_has_no_code(name: str) -> None:
    with LabServer() as server:
        (told,) = answers(CLIENTS[name], Order(url=server.url, payload_bytes=10))
    assert told == ClientReport(close_code=None)


@pytest.mark.parametrize("name", INSTALLED)
def test_client_that_cannot_connect_says_so(name: str) -> None:
    (told,) = answers(CLIENTS[name], Order(url="ws://127.0.0.1:9/", payload_bytes=10))
    assert told.close_code in (None, 1006)
    assert told.error


def test_program_that_is_stuck_is_started_anew() -> None:
    with LabServer(max_message_bytes=1000, reply="sink") as server:
        stuck, well = Order(url=server.url, payload_bytes=10), Order(url=server.url, payload_bytes=1001)
        first, second = answers(CLIENTS["wslab"], stuck, well, timeout_s=3)
    assert first == ClientReport(close_code=None, error="nothing within 3 s")
    assert second.close_code == 1009


def test_program_that_ends_says_how_to_run_it_by_hand() -> None:
    (told,) = answers(
        ProgramSubject("none", "no_such_program.py", needs="wslab"), Order(url="ws://127.0.0.1:9/", payload_bytes=1)
    )
    assert told.close_code is None
    assert "-m wslab.fieldguide.clients.no_such_program" in (told.error or "")


@pytest.mark.parametrize("file", ["none.py", "none.js"])
def test_program_that_is_not_installed_says_what_is_missing(file: str) -> None:
    assert "installed" in (ProgramSubject("none", file, needs="no_such_package").missing() or "")


def test_without_node_its_clients_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert CLIENTS["node-ws"].missing() == "node is not installed"
