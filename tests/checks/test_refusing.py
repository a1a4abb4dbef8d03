"""Whether refusals cost other clients anything is judged beside as many connections that are not refused."""

from __future__ import annotations

import contextlib
import http
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from wslab.checks import SERVER_CASES
from wslab.checks.bench import ServerBench
from wslab.core.checks import CaseOutcome
from wslab.core.limits.conclusions import conclude
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.verdicts import Costs, OverLimit, Refusal
from wslab.core.target import Target
from wslab.net import runtime

LIMIT = 1000
COUNT = 8


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerBench.endure, "__defaults__", (COUNT,))


@contextlib.contextmanager
def serving(*, admits: int | None = None, bears: int | None = None) -> Iterator[str]:
    """Serve with a limit; admit so many connections, or none for a while once so many messages were refused."""
    came = refused = 0

    def gate(connection: ServerConnection, request: Any) -> Any:
        nonlocal came
        came += 1
        is_worn_out = bears is not None and bears < came <= bears + COUNT // 2 and refused > 0
        if is_worn_out or (admits is not None and came > admits):
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "")
        return None

    async def converse(connection: ServerConnection) -> None:
        nonlocal refused
        with contextlib.suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)
        refused += connection.protocol.close_sent is not None and connection.protocol.close_sent.code == 1009

    server = runtime.run(_start(converse, gate))
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        runtime.run(_stop(server))


async def _start(converse: Any, gate: Any) -> Any:
    return await serve(converse, "127.0.0.1", 0, max_size=LIMIT, process_request=gate)


async def _stop(server: Any) -> None:
    server.close()
    await server.wait_closed()


def judged(url: str, *, over_limit: OverLimit = "close_frame", limit: int = LIMIT) -> CaseOutcome:
    bench = ServerBench(Target(url), budget_s=60)
    refusal = Refusal(over_limit=over_limit, close_code=1009)
    known = LimitEvidence(cap_bytes=2**20, accepted_bytes=limit, refused_bytes=limit + 1, refusal=refusal)
    bench.__dict__["verdict"] = conclude(known, url=url, costs=Costs())
    outcome = SERVER_CASES["survives_refusals"].run(bench)
    assert isinstance(outcome, CaseOutcome)
    return outcome


def test_refusals_that_cost_nothing_pass() -> None:
    with serving() as url:
        outcome = judged(url)
    assert outcome.judgement == "passes"
    assert outcome.seen.startswith(f"{COUNT} refusals in a row")


def test_server_that_limits_connections_anyway_is_not_blamed() -> None:
    with serving(admits=5) as url:
        outcome = judged(url)
    assert outcome.judgement == "not run"
    assert "Cannot tell" in outcome.seen


def test_server_that_refusals_wear_out_for_a_while_fails() -> None:
    with serving(bears=3) as url:
        outcome = judged(url)
    assert (outcome.judgement, "were not opened" in outcome.seen) == ("fails", True)


def test_messages_that_pass_after_all_prove_nothing() -> None:
    with serving() as url:
        assert judged(url, limit=10).judgement == "not run"


@pytest.mark.parametrize("over_limit", ["other_answer", "silent_drop", "held_open"])
def test_refusal_without_a_closure_is_not_tried(over_limit: OverLimit) -> None:
    with serving() as url:
        assert judged(url, over_limit=over_limit).judgement == "not applicable"
