"""What a sighting proves: the module's table, row by row."""

from __future__ import annotations

import pytest

from wslab.core.records import Close
from wslab.core.trials import Baseline, Reading, Sighting, Trial, read

ECHO, OWN, NONE = (Baseline(replies=replies) for replies in ("echo", "own", "none"))
ENDS = Baseline(replies="own", ends=1000)
TOO_BIG = Close(code=1009)


@pytest.mark.parametrize(
    ("baseline", "sighting", "reading"),
    [
        (ECHO, Sighting(echoed_bytes=9), "accepted"),
        (ECHO, Sighting(echoed_bytes=9, close=TOO_BIG), "accepted"),
        (ECHO, Sighting(echoed_bytes=8, close=TOO_BIG), "close_frame"),
        (ECHO, Sighting(pong=True), "silent_drop"),
        (ECHO, Sighting(pong=True, own_messages=3), "silent_drop"),
        (ECHO, Sighting(), "held_open"),
        (OWN, Sighting(own_messages=1, pong=True), "accepted"),
        (OWN, Sighting(own_messages=1, close=TOO_BIG), "close_frame"),
        (OWN, Sighting(pong=True), "silent_drop"),
        (OWN, Sighting(), "held_open"),
        (NONE, Sighting(pong=True), "accepted"),
        (NONE, Sighting(pong=True, close=TOO_BIG), "close_frame"),
        (NONE, Sighting(), "held_open"),
        (NONE, Sighting(tcp_ended=True), "no_close_frame"),
        (NONE, Sighting(close=Close(code=1005), tcp_ended=True), "empty_close_frame"),
        (ENDS, Sighting(own_messages=1, close=Close(code=1000)), "accepted"),
        (ENDS, Sighting(own_messages=0, close=Close(code=1000)), "close_frame"),
        (ENDS, Sighting(own_messages=1, close=TOO_BIG), "close_frame"),
        (ENDS, Sighting(), "held_open"),
        (Baseline(replies="none", pongs=False), Sighting(), "accepted"),
        (Baseline(replies="echo", pongs=False), Sighting(), "silent_drop"),
    ],
)
def test_read_message(baseline: Baseline, sighting: Sighting, reading: Reading) -> None:
    assert read(Trial(form="frame", payload_bytes=9, baseline=baseline), sighting) == reading


@pytest.mark.parametrize("baseline", [ECHO, OWN, NONE, ENDS])
def test_read_announcement(baseline: Baseline) -> None:
    trial = Trial(form="announced", payload_bytes=9, baseline=baseline)
    assert read(trial, Sighting()) == "accepted"
    assert read(trial, Sighting(echoed_bytes=9, own_messages=1)) == "accepted"
    assert read(trial, Sighting(close=TOO_BIG)) == "close_frame"
    assert read(trial, Sighting(close=Close(code=1000))) == "close_frame"
    assert read(trial, Sighting(tcp_ended=True)) == "no_close_frame"


def test_read_padded_message_by_the_echo_of_what_it_inflates_to() -> None:
    trial = Trial(form="padded", payload_bytes=70_000, baseline=ECHO)
    assert read(trial, Sighting(echoed_bytes=1)) == "accepted"
