"""A check never raises: it passes what is right, and says of everything else what is missing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from IPython.lib.pretty import pretty

import wslab
from wslab.core.knobs import Knobs
from wslab.core.ladders import doubling, until_refused
from wslab.core.policies import textbook as policies
from wslab.core.records import Restart
from wslab.core.runs import Run, load
from wslab.course import (
    check_announced_restart,
    check_bystanders,
    check_code_arrives,
    check_limit_shown,
    check_pieces,
    check_polite_policy,
    mystery_server,
)
from wslab.fieldguide.clients import CLIENTS, ProgramSubject
from wslab.net.server.lab_server import LabServer
from wslab.views import tables

STORY = load(Path(__file__).parent.parent / "data" / "story.jsonl")


@pytest.mark.parametrize(
    ("answer", "passed", "hint"),
    [
        (1012, True, "Service Restart"),
        (..., False, "three dots"),
        (1009, False, "sender"),
        (1006, False, "crash"),
        ("1012", False, "without quotation marks"),
        (1011, False, "1011 is not the code of any first closure"),
        (1013, False, "not the code of any"),
        (math.nan, False, "not the code of any"),
        (None, False, "not a number"),
        (True, False, "not a number"),
        ([1012], False, "not a number"),
        (tables.outages(STORY), False, "not a number"),
        (tables.outages(STORY)["close_code"].iloc[0], True, "Service Restart"),
        (1012.0, True, "Service Restart"),
    ],
)
def test_bystanders_are_checked(answer: Any, passed: bool, hint: str) -> None:
    checked = check_bystanders(answer, STORY)
    assert (checked.passed, hint in checked.message) == (passed, True)
    assert len(checked.message) < 120


def test_bystanders_are_those_of_a_reload() -> None:
    crashed = load(Path(__file__).parent.parent / "data" / "restart-crash.jsonl")
    for run in (crashed, Run(STORY.info, ()), None):
        assert "run the cell with tell_story" in check_bystanders(1006, run).message
    reload_alone = [record for record in STORY.records if isinstance(record, Restart)]
    assert "no client was closed" in check_bystanders(1012, Run(STORY.info, tuple(reload_alone))).message


def test_limit_shown_leads_from_nothing_to_the_byte() -> None:
    with mystery_server() as server:
        assert "three dots" in check_limit_shown(..., server).message
        assert "send more" in check_limit_shown(wslab.payload_sweep(server, [1000]), server).message
        assert "smaller" in check_limit_shown(wslab.payload_sweep(server, [2**20]), server).message
        assert "close in" in check_limit_shown(wslab.payload_sweep(server, doubling(1024, 2**20)), server).message
        assert check_limit_shown(wslab.payload_sweep(server, until_refused(1024, 2**20)), server).passed
        assert check_limit_shown(wslab.find_limit(server), server).passed
        by_its_url = wslab.payload_sweep(server.url, until_refused(1024, 2**20))
        assert check_limit_shown(by_its_url, server).passed
        clients_own = wslab.payload_sweep(server, [1000, 1001], max_message_bytes=1000)
        assert "1,001 bytes met another limit" in check_limit_shown(clients_own, server).message
        for wrong in (server.knobs.max_message_bytes, by_its_url.sends, "a sweep", wslab.payload_sweep):
            assert "three dots" in check_limit_shown(wrong, server).message
        assert "could not be tried" in check_limit_shown(by_its_url, None).message


def test_limit_of_another_server_is_none_of_this_one() -> None:
    with mystery_server() as server, LabServer(server.knobs) as twin:
        swept = wslab.payload_sweep(twin, until_refused(1024, 2**20))
        assert "not measured on the mystery server" in check_limit_shown(swept, server).message
        assert "not measured on the mystery server" in check_limit_shown(wslab.find_limit(twin), server).message


@pytest.mark.parametrize(
    ("knobs", "passed", "hint"),
    [
        (..., False, "Knobs"),
        ({"restart_code": 1001}, False, "Knobs"),
        (Knobs, False, "Knobs"),
        (Knobs(), False, "clients see 1012"),
        (Knobs(restart_code=1001, comes_back=False), False, "stays down"),
        (Knobs(restart_code=1001, handshake_status=503), False, "closes 0 of 3 clients"),
        (Knobs(restart_code=1001), False, "refuses TCP"),
        (Knobs(restart_code=1001, while_down="unavailable"), False, "Retry-After"),
        (Knobs(restart_code=1001, while_down="unavailable", retry_after_s=2), False, "2 s; let it say one second"),
        (Knobs(restart_code=1001, while_down="hang"), False, "says nothing"),
        (Knobs(restart_code=1001, while_down="try_again_later"), False, "closes with 1013"),
        (Knobs(restart_code=1001, while_down="unavailable", retry_after_s=1), True, "503"),
    ],
)
def test_announced_restart_is_tried_for_real(knobs: Any, passed: bool, hint: str) -> None:
    checked = check_announced_restart(knobs)
    assert (checked.passed, hint in checked.message) == (passed, True)


def polite(rng: Random, attempts: int | None = None) -> Iterator[float]:
    numbers = itertools.count() if attempts is None else range(attempts)
    yield from (rng.uniform(5, 30) for _ in numbers)


@pytest.mark.parametrize(
    ("policy", "passed", "hint"),
    [
        (..., False, "generator function"),
        (lambda rng: iter(["5"]), False, "finite number"),
        (lambda rng: iter([]), False, "never comes back"),
        (policies.constant(delay_s=3).delays, False, "5 to 30 s"),
        (policies.constant(delay_s=10).delays, False, "whole range"),
        (lambda rng: polite(rng, attempts=1), False, "after attempt 1 your client gives up"),
        (lambda rng: itertools.chain(polite(rng, attempts=2), itertools.repeat(61)), False, "longer than 60 s"),
        (lambda rng: itertools.chain(polite(rng, attempts=1), itertools.repeat(1)), False, "shorter than 5 s"),
        ([5.0, 30.0], False, "generator function"),
        ("registry", False, "generator function"),
        (polite(Random(1)), False, "generator function"),
        (policies.registry, False, "generator function"),
        (lambda: polite(Random(1)), False, "generator function"),
        (lambda rng: (rng.uniform(4, 30) for _ in itertools.count()), False, "4.0 to"),
        (lambda rng: (rng.uniform(5, 31) for _ in itertools.count()), False, "asks for 5 to 30 s"),
        (lambda rng: (rng.randint(5, 30) for _ in itertools.count()), False, "26 different first delays"),
        (policies.Policy("mine", polite, retries=lambda code: code != 1012), False, "not come back after 1012"),
        (policies.registry(), True, "none over 60 s"),
        (polite, True, "none over 60 s"),
    ],
)
def test_polite_policy_is_drawn(policy: Any, passed: bool, hint: str) -> None:
    checked = check_polite_policy(policy)
    assert (checked.passed, hint in checked.message) == (passed, True)


def test_check_shows_its_message() -> None:
    assert repr(check_bystanders(1012, STORY)).startswith("✓ 1012")
    assert repr(check_bystanders(..., STORY)).startswith("✗ not yet: ")
    assert repr(check_bystanders(..., STORY, lang="ja")).startswith("✗ まだ：三つの点")


def test_japanese_check_has_a_line_for_each_sentence() -> None:
    lines = pretty(check_bystanders("1012", STORY, lang="ja")).splitlines()
    assert lines == ["✗ まだ：コードは合っているが文字列になっている。", "引用符を付けずに数として書く"]


@pytest.mark.parametrize(
    ("piece_bytes", "passed", "hint"),
    [
        (..., False, "whole number"),
        ("4096", False, "whole number"),
        (True, False, "whole number"),
        (4096.0, False, "whole number"),
        (0, False, "whole number"),
        (100_000, False, "whole number"),
        (65_536, False, "refused: frame with 65536 bytes"),
        (3999, False, "25 are enough"),
        (4097, False, "refused"),
        (4096, True, "25 messages"),
        (4000, True, "25 messages"),
    ],
)
def test_pieces_are_tried_for_real(piece_bytes: Any, passed: bool, hint: str) -> None:
    checked = check_pieces(piece_bytes)
    assert (checked.passed, hint in checked.message) == (passed, True), checked


@pytest.mark.parametrize(
    ("knobs", "passed", "hint"),
    [
        (..., False, "Knobs"),
        ("drain", False, "Knobs"),
        (Knobs(), False, "65,536 bytes; yours is 1048576"),
        (Knobs(max_message_bytes=65_537, after_refusal="drain"), False, "yours is 65537"),
        (Knobs(max_message_bytes=65_536, after_refusal="reset"), False, "what does the server do after it?"),
        (Knobs(max_message_bytes=65_536), True, "the server reads on"),
    ],
)
def test_code_arrives_is_tried_for_real(knobs: Any, passed: bool, hint: str) -> None:
    checked = check_code_arrives(knobs)
    assert (checked.passed, hint in checked.message) == (passed, True), checked


def test_code_arrives_is_not_checked_where_the_client_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ProgramSubject("websocket-client", "websocket_client.py", needs="no_such_module")
    monkeypatch.setitem(CLIENTS, "websocket-client", missing)
    checked = check_code_arrives(Knobs(max_message_bytes=65_536))
    assert (checked.passed, "pip install websocket-client" in checked.message) == (False, True), checked


def test_policy_that_raises_is_said() -> None:
    def broken(rng: Random) -> Iterator[float]:
        raise LookupError("no delay today")
        yield 1.0

    checked = check_polite_policy(broken)
    assert (checked.passed, "no delay today" in checked.message) == (False, True), checked
