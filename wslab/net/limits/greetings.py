"""A connection's first words: the target's dialogue, whose messages are neither the search's nor answers to it."""

from __future__ import annotations

from wslab.core.target import Target
from wslab.net.frames import text_frame
from wslab.net.limits.connecting import NotOpened
from wslab.net.limits.waits import Waits
from wslab.net.limits.wire import Wire


async def greet(wire: Wire, target: Target, waits: Waits, patience: int) -> None:
    """Say and await what the target's greeting asks for, and answer its heartbeats from now on.

    Raises:
        NotOpened: what the greeting awaits did not come.
    """
    answers = wire.answers
    answers.answer_always(target.answers)
    answers.listen_for(target.said(step) for step in target.steps if step.kind == "await")
    own_before = 0
    for step in target.steps:
        text = target.said(step)
        if step.kind == "await":
            if not await wire.until(answers.heard(text), target.open_timeout_s):
                raise _ungreeted(wire, text)
            continue
        own_before = answers.own_messages
        await wire.send([text_frame(text)], waits.for_answer())
    if target.steps and target.steps[-1].kind == "say":
        await wire.until(lambda: answers.own_messages > own_before, waits.for_more(patience))
    answers.listen_for([])


def _ungreeted(wire: Wire, text: str) -> NotOpened:
    close = wire.answers.close
    end = f"; the server closes with {close.code} “{close.reason}”" if close else ""
    return NotOpened("needs_greeting", f"The greeting waits for “{text}”, which did not come{end}.")
