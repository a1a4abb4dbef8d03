"""The story is told whole: 1009, the exact limit, 1012 for everyone, everyone back, the message passes, 1006."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

import wslab
from wslab.core.ladders import bracket
from wslab.net.server.lab_server import LabServer


def test_story_has_all_its_chapters() -> None:
    run = wslab.tell_story(clients=4, max_message_bytes=10_000, downtime_s=0.1)
    reload, crash = run.restarts
    growing = [send for send in run.sends if send.started_at_s < reload.requested_at_s]
    (again,) = [send for send in run.sends if send.started_at_s > reload.requested_at_s]
    assert bracket(growing) == (10_000, 10_001)
    assert {send.close_code for send in growing if send.outcome == "closed"} == {1009}
    assert (again.payload_bytes, again.outcome) == (10_001, "accepted")
    assert (reload.kind, crash.kind) == ("reload", "crash")
    assert Counter((outage.number, outage.close_code) for outage in run.outages) == {(1, 1012): 4, (2, 1006): 4}
    assert all(outage.reopened_at_s is not None for outage in run.outages)


def test_story_can_be_told_on_a_server_that_runs() -> None:
    with LabServer(max_message_bytes=99) as server:
        run = wslab.tell_story(server, clients=1, max_message_bytes=2000, raised_bytes=2001, policy=soon, downtime_s=0)
        assert server.knobs.max_message_bytes == 2001
    assert run.sends[-1].payload_bytes == 2001
    assert run.sends[-1].outcome == "accepted"
    assert run.info.parameters["policy"] == "soon"


def soon(rng: Random) -> Iterator[float]:
    while True:
        yield rng.uniform(0, 0.1)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("clients", 0),
        ("max_message_bytes", 100),
        ("raised_bytes", 65_536),
        ("policy", "rash"),
        ("downtime_s", -1),
    ],
)
def test_bad_argument_teaches(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=argument):
        wslab.tell_story(**{argument: value})
