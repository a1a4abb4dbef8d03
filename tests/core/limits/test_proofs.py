"""What a observation proves: the module's table, row by row."""

from __future__ import annotations

import pytest

from wslab.core.limits.proofs import read
from wslab.core.limits.trials import Baseline, Observation, Reading, Trial
from wslab.core.records import Close

ECHO, OWN, NONE = (Baseline(replies=replies) for replies in ("echo", "own", "none"))
ENDS = Baseline(replies="own", ends=1000)
TOO_BIG = Close(code=1009)


@pytest.mark.parametrize(
    ("baseline", "observation", "reading"),
    [
        (ECHO, Observation(echoed_bytes=9), "accepted"),
        (ECHO, Observation(echoed_bytes=9, close=TOO_BIG), "close_frame"),
        (ECHO, Observation(echoed_bytes=9, close=Close(code=1000)), "close_frame"),
        (ECHO, Observation(close=Close(code=999), close_fault="no such code"), "invalid_close_frame"),
        (ECHO, Observation(replies=("too long",), own_messages=1), "other_answer"),
        (OWN, Observation(replies=("error: too long",), own_messages=1), "other_answer"),
        (NONE, Observation(replies=("rejected",), own_messages=1, pong=True), "other_answer"),
        (ECHO, Observation(echoed_bytes=8, close=TOO_BIG), "close_frame"),
        (ECHO, Observation(pong=True), "silent_drop"),
        (ECHO, Observation(pong=True, own_messages=3), "silent_drop"),
        (ECHO, Observation(), "held_open"),
        (OWN, Observation(own_messages=1, pong=True), "accepted"),
        (OWN, Observation(own_messages=1, close=TOO_BIG), "close_frame"),
        (OWN, Observation(pong=True), "silent_drop"),
        (OWN, Observation(), "held_open"),
        (NONE, Observation(pong=True), "accepted"),
        (NONE, Observation(pong=True, close=TOO_BIG), "close_frame"),
        (NONE, Observation(), "held_open"),
        (NONE, Observation(tcp_ended=True), "no_close_frame"),
        (NONE, Observation(close=Close(code=1005), tcp_ended=True), "empty_close_frame"),
        (ENDS, Observation(own_messages=1, close=Close(code=1000)), "accepted"),
        (ENDS, Observation(own_messages=0, close=Close(code=1000)), "close_frame"),
        (ENDS, Observation(own_messages=1, close=TOO_BIG), "close_frame"),
        (ENDS, Observation(), "held_open"),
        (Baseline(replies="none", pongs=False), Observation(), "accepted"),
        (Baseline(replies="echo", pongs=False), Observation(), "silent_drop"),
    ],
)
def test_read_message(baseline: Baseline, observation: Observation, reading: Reading) -> None:
    assert read(Trial(form="frame", payload_bytes=9, baseline=baseline), observation) == reading


@pytest.mark.parametrize("baseline", [ECHO, OWN, NONE, ENDS])
def test_read_announcement(baseline: Baseline) -> None:
    trial = Trial(form="announced", payload_bytes=9, baseline=baseline)
    assert read(trial, Observation()) == "accepted"
    assert read(trial, Observation(echoed_bytes=9, own_messages=1)) == "accepted"
    assert read(trial, Observation(close=TOO_BIG)) == "close_frame"
    assert read(trial, Observation(close=Close(code=1000))) == "close_frame"
    assert read(trial, Observation(tcp_ended=True)) == "no_close_frame"


def test_read_padded_message_by_the_echo_of_what_it_inflates_to() -> None:
    trial = Trial(form="padded", payload_bytes=70_000, baseline=ECHO)
    assert read(trial, Observation(echoed_bytes=1)) == "accepted"
