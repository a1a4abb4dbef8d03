"""The client's cases, tried on clients that are right and wrong in known ways."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from wslab.checks import CLIENT_CASES, Check, check_client
from wslab.checks.client_bench import RETURNS_WITHIN_S
from wslab.core.errors import BadValueError
from wslab.core.herds.simulate import simulate_herd

CLIENTS = Path(__file__).parent / "clients.py"


def command(kind: str) -> str:
    return shlex.join([sys.executable, str(CLIENTS), kind, "{url}"])


def judged(check: Check) -> dict[str, str]:
    return {result.case: result.judgement for result in check.results}


@pytest.mark.timeout(240)
def test_good_client_passes_and_its_policy_is_estimated() -> None:
    expected = {
        "comes_back_after_1012": "passes",
        "comes_back_after_1006": "passes",
        "comes_back_after_downtime": "passes",
        "honours_retry_after_seconds": "passes",
        "honours_retry_after_date": "surprises clients",  # it reads seconds alone
        "spreads": "passes",
        "backs_off_while_down": "passes",
        "backs_off_when_closed_at_once": "passes",
        "after_1000": "passes",
        "sends_no_poison_again": "passes",
        "limits_what_it_takes": "passes",
        "answers_the_closing_handshake_of_a_server": "passes",
        "notices_a_vanished_peer": "passes",
    }
    check = check_client(command("good"), cases=expected, budget_s=200)
    assert judged(check) == expected, [result for result in check.results if judged(check)[result.case] == "not run"]
    assert check.policy is not None
    assert check.policy.grows
    assert check.policy.jitter in ("partial", "full")
    herd = simulate_herd(1000, check.policy.policy(), downtime_s=2)
    assert (herd.reopened_at_s > 0).all()


@pytest.mark.timeout(240)
def test_loop_is_found_in_every_form() -> None:
    expected = {
        "waits_before_coming_back": "surprises clients",
        "spreads": "surprises clients",
        "backs_off_while_down": "fails",
        "backs_off_when_closed_at_once": "fails",
        "honours_retry_after_seconds": "surprises clients",
        "after_1008": "fails",
        "sends_no_poison_again": "fails",
    }
    check = check_client(command("loop"), cases=expected, final_codes=[1008], budget_s=200)
    assert judged(check) == expected | unpunctual(check)


@pytest.mark.timeout(240)
def test_fixed_delay_is_no_backoff_and_no_jitter() -> None:
    expected = {
        "honours_retry_after_seconds": "surprises clients",
        "spreads": "surprises clients",
        "backs_off_while_down": "surprises clients",
        "limits_what_it_takes": "informational",
        "sends_no_poison_again": "not applicable",
        "after_1008": "informational",
    }
    check = check_client(command("fixed"), cases=expected, budget_s=200)
    late = unpunctual(check)
    assert judged(check) == expected | late
    [taken] = [result.seen.seen for result in check.results if result.case == "limits_what_it_takes"]
    assert taken.startswith("It accepts a message of 67,108,864 bytes")
    assert check.policy is not None
    assert check.policy.jitter in ("none", "unknown")  # unknown where the machine was too late to tell
    assert not check.policy.grows


def unpunctual(check: Check) -> dict[str, str]:
    """Return the cases that leave it open what they saw, since the machine of the test did not keep up."""
    return {result.case: "informational" for result in check.results if "this machine was up to" in result.seen.seen}


def test_end_of_the_process_is_told_and_not_waited_for() -> None:
    check = check_client(command("once"), cases=["comes_back_after_1012", "after_1000", "backs_off_while_down"])
    assert judged(check) == {
        "comes_back_after_1012": "fails",
        "after_1000": "passes",
        "backs_off_while_down": "not applicable",
    }
    assert "It did not come back: it ended with exit code 3" in check.results[0].seen.seen
    assert check.elapsed_s < RETURNS_WITHIN_S


def test_client_that_never_connects_leaves_its_last_words() -> None:
    check = check_client(command("mute"), cases=["comes_back_after_1012"], first_within_s=60)
    [result] = check.results
    assert result.judgement == "not run"
    assert "exit code 0, after printing “I do not connect" in result.seen.seen


def test_client_that_opens_connections_without_end_is_told_so() -> None:
    check = check_client(command("flood"), cases=["notices_a_vanished_peer", "backs_off_when_closed_at_once"])
    assert "fails" in judged(check).values()
    assert any("a loop" in result.seen.seen or "more than 400" in result.seen.seen for result in check.results)


def test_budget_ends_what_is_not_over_and_no_process_stays() -> None:
    names = ["answers_the_closing_handshake_of_a_server", "notices_a_vanished_peer"]
    check = check_client(command("quiet"), cases=names, budget_s=10)
    assert judged(check)["notices_a_vanished_peer"] == "not run"
    assert "budget of 10 s" in (check.stopped or "")
    assert not [child for child in psutil.Process().children(recursive=True) if str(CLIENTS) in child.cmdline()]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"command": "node client.js"}, "must hold {url}"),
        ({}, "give one"),
        ({"command": "/nowhere/client {url}"}, "cannot be started"),
        ({"command": command("good"), "cases": ["comes_back_after_1011"]}, "did you mean 'comes_back_after_101"),
        ({"command": command("good"), "budget_s": 1}, "budget_s is 1"),
    ],
)
def test_bad_argument_raises_at_the_call(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        check_client(**given)


def test_names_of_cases_are_unique_and_speak() -> None:
    assert all(name == name.lower() and " " not in name for name in CLIENT_CASES)
