"""Faults have names, bounds and descriptions, and a script says when they are switched."""

from __future__ import annotations

import pytest

from wslab.core.bounds import fields
from wslab.core.relay.faults import KINDS, Fault, LimitData, RewriteClose, Slicer, fault_of
from wslab.core.relay.script import Add, Remove, TimedCommand, read_command, read_script


@pytest.mark.parametrize("name", KINDS)
def test_every_fault_is_made_by_its_name_and_says_its_bounds(name: str) -> None:
    assert fault_of(name).name == name
    for field in fields(KINDS[name]).values():
        assert field.values or field.kind is bool
        assert field.description or field.name in fields(Fault)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("add limit_data limit_bytes=1,000 direction=both", Add(LimitData(limit_bytes=1000, direction="both"))),
        ("add rewrite_close code=1011 only=none reason='no more'", Add(RewriteClose(code=1011, reason="no more"))),
        ("remove latency_2", Remove("latency_2")),
        ("clear", Remove(None)),
    ],
)
def test_line_is_read(line: str, command: object) -> None:
    assert read_command(line) == command


def test_script_is_read_with_comments_and_empty_lines() -> None:
    steps = read_script("# first\n\n0\tadd slicer average_bytes=10\n 1.5  remove slicer  # done\n")
    assert steps == (TimedCommand(0.0, Add(Slicer(average_bytes=10))), TimedCommand(1.5, Remove("slicer")))
    (step,) = read_script("0 add rewrite_close code=1011 reason='no. 1 # of 2'")
    assert step.command == Add(RewriteClose(code=1011, reason="no. 1 # of 2"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 ad latency", "line 1 of the script: 'ad latency' is not a command; write add FAULT"),
        ("0 add latency\nsoon clear", "line 2 of the script: 'soon' is not a time"),
        ("5 clear\n1 clear", "line 2 of the script: time is 1.0, but must be between 5.0 and 86,400 seconds"),
        ("0 add latency latency_s=lots", "latency_s is 'lots', but must be 0 to 3,600 seconds"),
        ("0 add latency latency=1", "did you mean 'latency_s'"),
        ("0 add slicer average_bytes=5 variation_bytes=5", "variation_bytes is 5, but must be below average_bytes, 5"),
        ("0 add latency 'half", "cannot be read"),
        ("0 add latency latency_s=1 latency_s=2", "latency_s is given twice"),
        ("0 add latency toxicity=1.5", "toxicity is 1.5, but must be between 0 and 1"),
    ],
)
def test_wrong_line_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_script(text)
