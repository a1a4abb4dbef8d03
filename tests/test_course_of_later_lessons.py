"""The checks of lessons 06 to 11 pass what is right, by whatever way, and say of everything else what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pandas as pd
import pytest

import wslab
from wslab import pair
from wslab.core.knobs import Knobs
from wslab.core.policies import textbook as policies
from wslab.core.runs import Run
from wslab.course import (
    CAUSES,
    check_cause,
    check_gentle_return,
    check_page_is_told,
    check_pair,
    check_recommended_clients,
    check_rule,
    mystery_clock,
)


def broken(rng: Random) -> Iterator[float]:
    yield 1 / 0


def gentle(rng: Random) -> Iterator[float]:
    yield rng.uniform(10, 110)
    while True:
        yield rng.uniform(10, 60)


GENTLE = policies.registry(min_delay_s=10, max_delay_s=110)


@pytest.mark.parametrize(
    ("policy", "passed", "hint"),
    [
        (..., False, "give a policy"),
        (5, False, "policy is 5, but must be"),
        ([10.0, 60.0], False, "a generator function that takes an rng"),
        (gentle(Random(1)), False, "a generator function that takes an rng"),
        ("gentle", False, "Known: 'none'"),
        (policies.registry, False, "a policy takes an rng"),
        (broken, False, "division by zero"),
        (lambda rng: iter(["soon"]), False, "yielded 'soon'"),
        (lambda rng: iter([math.nan]), False, "a delay is a finite number of seconds"),
        (lambda rng: iter([-1]), False, "at least 0"),
        (policies.none(), False, "wait longer"),
        (policies.full_jitter(), False, "more than twice"),
        (policies.registry(min_delay_s=10, max_delay_s=60), False, "more than twice"),
        (policies.registry(min_delay_s=30, max_delay_s=300), False, "wait less"),
        (policies.registry(min_delay_s=200, max_delay_s=400).giving_up_after(1), False, "only 0 of"),
        (policies.registry(min_delay_s=0, max_delay_s=70).giving_up_after(1), False, "clients gave up"),
        (policies.Policy("mine", gentle, retries=lambda code: code != 1012), False, "not come back after 1012"),
        (policies.Policy("mine", gentle, retries=lambda code: bool(1 / 0)), False, "division by zero"),
        (GENTLE, True, "back in two minutes"),
        (GENTLE.delays, True, "back in two minutes"),
        (gentle, True, "back in two minutes"),
        (policies.full_jitter(initial_delay_s=100, max_delay_s=110), True, "back in two minutes"),
    ],
)
def test_gentle_return_is_simulated(policy: Any, passed: bool, hint: str) -> None:
    checked = check_gentle_return(policy)
    assert (checked.passed, hint in checked.message) == (passed, True), checked


def raising(code: int) -> bool:
    raise KeyError(code)


async def asynchronous(code: int) -> bool:
    return code != 1009


@pytest.mark.filterwarnings("ignore:coroutine 'asynchronous' was never awaited")
@pytest.mark.parametrize(
    ("rule", "passed", "hint"),
    [
        (..., False, "function of one close code"),
        (1009, False, "function of one close code"),
        (raising, False, "for 1009 yours raises KeyError"),
        ({1009: False}.__getitem__, False, "for 1012 yours raises KeyError"),
        (asynchronous, False, "return True or False"),
        (lambda: True, False, "function of one close code"),
        (lambda code: 1, False, "return True or False"),
        (lambda code: None, False, "return True or False"),
        (lambda code: True, False, "say no to 1009"),
        (lambda code: code == 1012, False, "1001"),
        (lambda code: code in (1001, 1012), False, "after a crash restart"),
        (lambda code: code != 1009, True, "everyone came back"),
        (frozenset({1001, 1006, 1012}).__contains__, True, "everyone came back"),
        ({1001: True, 1006: True, 1009: False, 1012: True}.get, True, "everyone came back"),
    ],
)
def test_rule_is_tried_for_real(rule: Any, passed: bool, hint: str) -> None:
    checked = check_rule(rule)
    assert (checked.passed, hint in checked.message) == (passed, True), checked


@pytest.mark.parametrize(
    ("knobs", "passed", "hint"),
    [
        (..., False, "Knobs"),
        (Knobs, False, "Knobs"),
        ({"while_down": "try_again_later"}, False, "Knobs"),
        (Knobs(), False, "a refused connection is a failed handshake"),
        (Knobs(while_down="unavailable"), False, "HTTP 503 is a failed handshake"),
        (Knobs(while_down="hang"), False, "says nothing"),
        (Knobs(while_down="flap"), False, "1012 Service Restart"),
        (Knobs(while_down="try_again_later", comes_back=False), False, "yours stays down"),
        (Knobs(while_down="try_again_later", handshake_status=503), False, "refuses every handshake with HTTP 503"),
        (Knobs(while_down="flap", restart_code=1013), True, "1013"),
        (Knobs(while_down="try_again_later", retry_after_s=5), True, "1013"),
    ],
)
def test_page_is_told_after_the_handshake_only(knobs: Any, passed: bool, hint: str) -> None:
    checked = check_page_is_told(knobs)
    assert (checked.passed, hint in checked.message) == (passed, True), checked


def test_cause_is_checked_with_its_evidence() -> None:
    quick: dict[str, Any] = {"duration_s": 6, "interval_s": 0.4, "apart_s": 0.1, "messages_per_min": 6_000}
    with mystery_clock(seed=4) as server, mystery_clock(seed=2) as other:
        with ThreadPoolExecutor() as both:
            run, elsewhere = both.map(lambda watched: wslab.watch(watched, **quick), (server, other))
        alone = wslab.experiments.stay_connected(server, policy="constant", duration_s=1.5)
        for wrong in (..., None, "maximum age", [run]):
            assert "three dots" in check_cause("maximum age", wrong, server).message
        assert "watch that one" in check_cause("maximum age", elsewhere, server).message
        for nonsense in (..., "Maximum age", "max_age", ["maximum age"]):
            assert "none of the four" in check_cause(nonsense, run, server).message
        assert "other groups" in check_cause("idle timeout", run, server).message
        assert "does not show a cause" in check_cause("maximum age", alone, server).message
        assert "could not be tried" in check_cause("maximum age", run, None).message
        assert check_cause("maximum age", run, server).passed
        assert check_cause("number of messages", elsewhere, other).passed
        by_its_url = Run(msgspec.structs.replace(run.info, knobs=None), run.records)
        assert check_cause("maximum age", by_its_url, server).passed


def test_seeds_draw_every_cause() -> None:
    assert {str(mystery_clock(seed).knobs) for seed in range(20)} == {
        str(Knobs(ping_interval_s=None, **knobs)) for knobs in CAUSES.values()
    }


QUALIFIED = ["partysocket", "reconnecting-websocket"]


@pytest.mark.parametrize(
    ("names", "passed", "hint"),
    [
        (..., False, "give a list of names; yours is Ellipsis"),
        ("partysocket", False, "give a list of names; yours is 'partysocket'"),
        (iter(QUALIFIED), False, "give a list of names"),
        ([], False, "name at least one"),
        (["aiohttp"], False, "'aiohttp' is none of the recorded clients"),
        (["PartySocket"], False, "is none of the recorded clients"),
        ([QUALIFIED], False, "is none of the recorded clients"),
        ([1], False, "1 is none of the recorded clients"),
        ([*QUALIFIED, "centrifuge"], False, "centrifuge does not qualify: It waits"),
        (QUALIFIED[:1], False, "you left out 1"),
        ({*QUALIFIED}, True, "come back after a restart"),
        (pd.Series(QUALIFIED * 2), True, "come back after a restart"),
    ],
)
def test_recommended_clients_are_those_of_the_field_guide(names: Any, passed: bool, hint: str) -> None:
    checked = check_recommended_clients(names)
    assert (checked.passed, hint in checked.message) == (passed, True), checked


@pytest.mark.parametrize(
    ("server", "client", "hint"),
    [
        (..., ..., "sources of both"),
        (pair.SERVER, None, "sources of both"),
        (Path(pair.__file__), pair.CLIENT, "sources of both"),
        ("raise SystemExit('no server today')", pair.CLIENT, "no server today"),
        ("def (", pair.CLIENT, "SyntaxError"),
        ("", pair.CLIENT, "the server printed no URL and ended"),
        ("print('ready')", pair.CLIENT, "the server printed 'ready' in place of its URL"),
        (pair.CLIENT, pair.SERVER, "0 isn't a valid URI"),
    ],
)
def test_pair_whose_server_does_not_start_is_told_why(server: Any, client: Any, hint: str) -> None:
    checked = check_pair(server, client)
    assert (checked.passed, hint in checked.message) == (False, True), checked
