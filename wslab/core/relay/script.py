"""Commands to a running relay: lines that are typed, and scripts, whose lines have times."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from wslab.core.arguments import check_choice, check_number
from wslab.core.bounds import read_settings
from wslab.core.errors import BadValueError
from wslab.core.relay.faults import KINDS, Fault, fault_of

COMMANDS = "add FAULT [SETTING=VALUE …] | remove FAULT | clear"

MAX_STEPS = 10_000


class Add(NamedTuple):
    """Switch a fault on."""

    fault: Fault


class Remove(NamedTuple):
    """Switch off the fault with this label; None: all faults."""

    label: str | None


Command = Add | Remove


class TimedCommand(NamedTuple):
    """A command and its time in seconds, counted from the script's beginning."""

    at_s: float
    command: Command


def read_command(line: str) -> Command:
    """Return the command on a line: `add latency latency_s=0.2 direction=both`, `remove latency` or `clear`.

    Raises:
        ValueError, TypeError: there is none, or a setting is unknown, out of its bounds or given twice.
    """
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise BadValueError(f"{line!r} cannot be read: {error}") from None
    match words:
        case ["add", name, *settings]:
            check_choice("fault", name, KINDS)
            return Add(fault_of(name, **read_settings(KINDS[name], settings, "setting")))
        case ["remove", label]:
            return Remove(label)
        case ["clear"]:
            return Remove(None)
    raise BadValueError(f"{line.strip()!r} is not a command; write {COMMANDS}")


def read_script(text: str) -> tuple[TimedCommand, ...]:
    r"""Return the steps of a script: one per line, a time in seconds and a command; `#` begins a comment.

    Raises:
        ValueError, TypeError: a line is no step, or its time is before that of the line above; the message names it.

    >>> read_script("0 add latency latency_s=0.2\n2.5 clear  # and on it goes")[1]
    TimedCommand(at_s=2.5, command=Remove(label=None))
    """
    steps: list[TimedCommand] = []
    for number, line in enumerate(text.splitlines(), start=1):
        time, command = [*line.split(maxsplit=1), "", ""][:2]
        if not time or time.startswith("#"):
            continue
        try:
            steps.append(TimedCommand(_seconds(time, after_s=steps[-1].at_s if steps else 0.0), read_command(command)))
        except (ValueError, TypeError) as error:
            raise BadValueError(f"line {number} of the script: {error}") from None
    if len(steps) > MAX_STEPS:
        raise BadValueError(f"the script has {len(steps):,} steps, but may have at most {MAX_STEPS:,}; make it shorter")
    return tuple(steps)


def _seconds(text: str, *, after_s: float) -> float:
    try:
        at_s = float(text)
    except ValueError:
        raise BadValueError(f"{text!r} is not a time in seconds; write TIME and a command, {COMMANDS}") from None
    check_number("time", at_s, low=after_s, high=86_400, unit="seconds", hint="steps must be in order of time")
    return at_s
