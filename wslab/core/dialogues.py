"""Greetings, exchanged on a new connection before the first message, and standing answers.

Many servers speak first or expect a greeting: a welcome, a login, a heartbeat that must be answered. A dialogue is a
list of steps, written as a person would note it down: `> text` sends, `< text` waits for a message that contains text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wslab.core.errors import BadTypeError, BadValueError

MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One step: "say" sends `text` as a text message, "await" waits for a message that contains it."""

    kind: Literal["say", "await"]
    text: str

    @classmethod
    def parse(cls, line: str) -> Step:
        """Read one line of a dialogue; a line without a mark is sent.

        >>> Step.parse("< connection_ack"), Step.parse("hello")
        (Step(kind='await', text='connection_ack'), Step(kind='say', text='hello'))
        """
        mark, space, rest = line.partition(" ")
        if space and mark in "<>" and mark:  # the space is required, since XML begins with < too
            return cls("await" if mark == "<" else "say", rest)
        return cls("say", line)


def as_dialogue(greeting: str | Sequence[str | Step]) -> tuple[Step, ...]:
    """Return a greeting as steps: a text is sent as it is, a list is a dialogue.

    Raises:
        BadTypeError, BadValueError: it is neither, or has more than `MAX_STEPS` steps.
    """
    if isinstance(greeting, str):
        return (Step("say", greeting),) if greeting else ()
    if not isinstance(greeting, Sequence) or not all(isinstance(step, str | Step) for step in greeting):
        raise BadTypeError(f"greeting is {greeting!r}, but must be a text to send, or a list of '> text' and '< text'")
    if len(greeting) > MAX_STEPS:
        raise BadValueError(f"greeting has {len(greeting)} steps, but may have at most {MAX_STEPS}")
    return tuple(step if isinstance(step, Step) else Step.parse(step) for step in greeting)


def parse_answer(line: str) -> tuple[str, str]:
    """Read `heard => said`, as given on the command line.

    >>> parse_answer("2 => 3")
    ('2', '3')
    """
    heard, arrow, said = line.partition("=>")
    if not arrow or not heard.strip():
        raise BadValueError(f"answer is {line!r}, but must be 'heard => said': on a message 'heard', 'said' is sent")
    return heard.strip(), said.strip()


def check_answers(answers: Mapping[str, str]) -> None:
    """Raise BadTypeError unless `answers` maps texts to texts."""
    if not isinstance(answers, Mapping) or not all(isinstance(text, str) for pair in answers.items() for text in pair):
        raise BadTypeError("answers must map a text that the server sends to the text that is sent back, as {'2': '3'}")
