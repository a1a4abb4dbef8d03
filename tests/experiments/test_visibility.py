"""closure_visibility keeps what each client was told, beside what the server sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from wslab.core.knobs import MIB, Knobs
from wslab.core.runs import Run, load
from wslab.experiments import Cancel, closure_visibility
from wslab.fieldguide.clients import CLIENTS, Ask, ClientReport, Order
from wslab.net.server.lab_server import LabServer

LIMIT = Knobs(max_message_bytes=65_536)
INSTALLED = [name for name, subject in CLIENTS.items() if not subject.missing()]


def share_of_1009(run: Run, subject: str, after_refusal: str, overshoot: int) -> float:
    codes = [
        sighting.close_code
        for sighting in run.sightings
        if (sighting.subject, sighting.after_refusal, sighting.overshoot_bytes) == (subject, after_refusal, overshoot)
    ]
    return codes.count(1009) / len(codes)


@pytest.fixture(scope="module")
def run() -> Run:
    return closure_visibility(LIMIT, [1, 4 * MIB], tries=4)


@pytest.mark.parametrize("client", INSTALLED)
def test_every_client_sees_the_code_of_a_server_that_drains(run: Run, client: str) -> None:
    assert share_of_1009(run, client, "drain", 1) == 1
    assert share_of_1009(run, client, "drain", 4 * MIB) == 1


@pytest.mark.parametrize("overshoot", [1, 4 * MIB])
def test_own_client_sees_the_code_even_of_a_server_that_resets(run: Run, overshoot: int) -> None:
    assert share_of_1009(run, "wslab", "reset", overshoot) == 1


@pytest.mark.parametrize("client", sorted({"aiohttp", "websocket-client", "node-ws"} & set(INSTALLED)))
def test_clients_that_stop_at_the_failed_send_fall_off_the_cliff(run: Run, client: str) -> None:
    assert share_of_1009(run, client, "reset", 4 * MIB) < 1
    lost = [sighting for sighting in run.sightings if sighting.subject == client and sighting.close_code != 1009]
    assert {sighting.close_code for sighting in lost} == {1006}


def test_server_has_sent_1009_whatever_was_seen(run: Run) -> None:
    sent = {account.connection_id: account.sent and account.sent.code for account in run.accounts}
    assert sent == {sighting.connection_id: 1009 for sighting in run.sightings}


def test_clients_take_turns(run: Run) -> None:
    first = run.sightings[: 2 * len(INSTALLED)]
    turns = [name for name in run.info.parameters["clients"] if name in INSTALLED]
    assert [sighting.subject for sighting in first] == turns * 2
    assert [sighting.number for sighting in first] == [1] * len(INSTALLED) + [2] * len(INSTALLED)


def test_run_is_kept_in_a_file(run: Run, tmp_path: Path) -> None:
    assert load(run.save(tmp_path / "run.jsonl")) == run


class Page:
    """A subject of one's own, as a page in a browser would be."""

    name = "page"

    def __init__(self, lacks: str | None = None) -> None:
        self.lacks = lacks
        self.orders: list[Order] = []

    def missing(self) -> str | None:
        return self.lacks

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        async def ask(order: Order, _timeout_s: float) -> ClientReport:
            self.orders.append(order)
            return ClientReport(close_code=None, error="told nothing")

        yield ask


def test_subject_of_ones_own_takes_part_on_a_foreign_server() -> None:
    page = Page()
    run = closure_visibility("ws://127.0.0.1:9/", [5], clients=[page], tries=2, max_message_bytes=1000)
    assert page.orders == [Order(url="ws://127.0.0.1:9/", payload_bytes=1005)] * 2
    assert [(s.subject, s.after_refusal, s.close_code, s.connection_id) for s in run.sightings] == [
        ("page", None, None, None)
    ] * 2


def test_what_is_not_installed_is_listed_and_not_measured() -> None:
    run = closure_visibility(LIMIT, [1], clients=["wslab", Page(lacks="no browser is open")], tries=1)
    assert run.info.parameters["not_measured"] == {"page": "no browser is open"}
    assert [sighting.subject for sighting in run.sightings] == ["wslab"] * 2


def test_server_gets_its_knob_back() -> None:
    with LabServer(LIMIT, after_refusal="hold") as server:
        closure_visibility(server, [1], clients=["wslab"], tries=1)
        assert server.knobs.after_refusal == "hold"


def test_cancelled_run_keeps_what_was_seen() -> None:
    cancel = Cancel()
    run = closure_visibility(LIMIT, [1], clients=["wslab"], cancel=cancel, on_record=lambda _: cancel.cancel())
    assert run.info.partial
    assert len(run.sightings) >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": Knobs(max_message_bytes=None)}, "target has no limit on messages"),
        ({"target": "ws://127.0.0.1:9/"}, "max_message_bytes is None"),
        ({"overshoots": [-65_537]}, "overshoots is -65,537, but must be between -65,536 and"),
        ({"clients": ["node"]}, "clients is 'node'; did you mean 'node-ws'"),
        ({"after_refusals": ["rest"]}, "after_refusals is 'rest'; did you mean 'reset'"),
        ({"tries": 0}, "tries is 0"),
    ],
)
def test_bad_argument_raises_at_the_call(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        closure_visibility(**({"target": LIMIT} | arguments))
