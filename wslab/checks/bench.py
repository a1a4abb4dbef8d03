"""What the server's cases share: the proven verdict, small trials on their own connections, and one restart.

Each is done once, when a case first asks for it, and kept for the others.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from websockets.frames import Opcode

from wslab.checks.enduring import ANSWER_WITHIN_S, REFUSALS, Endured, endure, opened, ponged
from wslab.checks.restarting import Restarted, Restarter, restart_under_clients
from wslab.core.errors import WslabError
from wslab.core.limits.verdicts import Takes, Verdict
from wslab.core.records import Attempt, Closure
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.experiments import Cancel, find_limit, watch
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.frames import encode_header
from wslab.net.recording import OnProgress

HEADER_ANSWER_S = 1.0
"""How long a server may take to refuse a header without its payload."""

MAX_REFUSED_BYTES = 64 * 2**20
"""Bytes sent at most for repeated refusals, if headers alone are not refused."""

LEAST_SEARCH_S = 1.0
"""The shortest time that the limit search can be given."""

_TEMPLATES: dict[Takes | None, str | bytes] = {"json": '{"a": "{filler}"}', "binary": b"{filler}"}

T = TypeVar("T")


class BudgetSpentError(WslabError):
    """The budget of the check ran out in the middle of a case."""


@dataclass
class ServerBench:
    """The server under check; its `verdict` and `restarted` are found when first asked for.

    Args:
        budget_s: seconds from now; after that, every request raises BudgetSpentError.
    """

    target: Target
    configured_bytes: int | None = None
    restarter: Restarter | None = None
    budget_s: float = 120.0
    clock_s: float | None = None
    progress: OnProgress | None = None
    cancel: Cancel = field(default_factory=Cancel)

    def __post_init__(self) -> None:
        self._due_s = time.monotonic() + self.budget_s
        self._takes: Takes | None = None

    @property
    def left_s(self) -> float:
        """The seconds left of the budget; negative once it is spent."""
        return self._due_s - time.monotonic()

    @cached_property
    def verdict(self) -> Verdict:
        if self.left_s < LEAST_SEARCH_S:
            raise BudgetSpentError("the budget was spent before the limit search")
        verdict = find_limit(
            self.target,
            configured_bytes=self.configured_bytes,
            max_elapsed_s=max(LEAST_SEARCH_S, min(0.6 * self.budget_s, self.left_s)),
            progress=self.progress,
            cancel=self.cancel,
        )
        self._pass_interrupt_on()
        self._takes = verdict.takes
        return verdict

    @property
    def spoken(self) -> Target:
        """The target, with messages that it accepts, if the limit search has found some."""
        template = _TEMPLATES.get(self._takes)
        if template is None or self.target.messages is not None:
            return self.target
        return self.target.replace(template=template)

    @cached_property
    def restarted(self) -> Restarted:
        assert self.restarter is not None, "cases about restarts run only where there is a way to bring one about"
        return self._in_budget(restart_under_clients(self.spoken, self.restarter))

    @cached_property
    def watched(self) -> Run:
        assert self.clock_s is not None, "cases that wait run only where it is said for how long"
        apart_s, wanted_s = min(1.0, self.clock_s / 20), 3 * self.clock_s
        run = watch(
            self.spoken,
            duration_s=max(0.1, min(wanted_s, self.left_s)),
            interval_s=max(0.05, self.clock_s / 10),
            apart_s=apart_s,
            in_vain_s=self.clock_s + 20 * apart_s,
            progress=self.progress,
            cancel=self.cancel,
        )
        self._pass_interrupt_on()
        if self.left_s <= 0 and run.info.duration_s < wanted_s:  # no clock that ran out so far proves nothing
            raise BudgetSpentError("the budget was spent while clocks were watched")
        return run

    def why_unreachable(self) -> str | None:
        """Return why no connection opens; None if one does."""
        return self._in_budget(self._why_unreachable())

    def announce(self, payload_bytes: int) -> float | None:
        """Send a message's header without its payload; return the seconds until the connection was closed, or None."""
        return self._in_budget(self._announced(payload_bytes))

    def closing(self, code: int) -> tuple[Closure | None, float]:
        """Close with this code; return how it ended, and how long that took."""
        return self._in_budget(self._closing(code))

    def ponged(self, payload: bytes) -> float | None:
        """Ping; return the seconds until the pong with the same payload, or None."""
        return self._in_budget(self._ponged(payload))

    def endure(self, payload_bytes: int | None, count: int = REFUSALS) -> Endured:
        """Have this many connections refused in turn for a message of this size; None means only open them."""
        if payload_bytes is None:
            return self._in_budget(endure(self.target, count, _nothing))
        if self.announce(payload_bytes) is not None:
            return self._in_budget(endure(self.spoken, count, lambda client: _announced(client, payload_bytes)))
        affordable = max(5, MAX_REFUSED_BYTES // payload_bytes)
        message = self._payload(payload_bytes)
        return self._in_budget(endure(self.spoken, min(count, affordable), lambda client: _refused(client, message)))

    def _pass_interrupt_on(self) -> None:
        """Raise KeyboardInterrupt after an experiment that Ctrl-C cut short: the whole check must end."""
        if self.cancel.cancelled:
            raise KeyboardInterrupt

    def _in_budget(self, work: Coroutine[Any, Any, T]) -> T:
        return runtime.run(_within(self.left_s, work))

    async def _why_unreachable(self) -> str | None:
        async with opened(self.target) as client:
            attempt = next(record for record in client.recorder.records if isinstance(record, Attempt))
        if attempt.outcome == "opened":
            return None
        status = f"HTTP {attempt.http_status}: " if attempt.http_status else ""
        return f"{status}{attempt.error or attempt.outcome}"

    async def _announced(self, payload_bytes: int) -> float | None:
        async with opened(self.spoken) as client:
            began_s = client.recorder.now()
            if client.connection is None or not await _announced(client, payload_bytes):
                return None
            return client.recorder.now() - began_s

    async def _closing(self, code: int) -> tuple[Closure | None, float]:
        async with opened(self.target) as client:
            if client.connection is None:
                return None, 0.0
            began_s = client.recorder.now()
            await client.close(code, "done")
            closures = [record for record in client.recorder.records if isinstance(record, Closure)]
            return closures[-1] if closures else None, client.recorder.now() - began_s

    async def _ponged(self, payload: bytes) -> float | None:
        async with opened(self.target) as client:
            return None if client.connection is None else await ponged(client, payload)

    def _payload(self, payload_bytes: int) -> str | bytes:
        messages = self.spoken.messages
        return "x" * payload_bytes if messages is None else messages.make(payload_bytes)


async def _within(left_s: float, work: Coroutine[Any, Any, T]) -> T:
    try:
        async with asyncio.timeout(left_s) as budget:
            return await work
    except TimeoutError:
        if budget.expired():
            raise BudgetSpentError("the budget was spent in the middle of a case") from None
        raise


async def _nothing(client: Client) -> bool:
    del client
    return False


async def _announced(client: Client, payload_bytes: int) -> bool:
    """Send a message's header without its payload; return whether the connection was closed."""
    assert client.connection is not None
    messages = client.target.messages
    opcode = Opcode.TEXT if messages is None or messages.is_text else Opcode.BINARY
    client.connection.transport.write(encode_header(opcode, payload_bytes, random.randbytes(4)))
    try:
        async with asyncio.timeout(HEADER_ANSWER_S):
            await client.closed()
    except TimeoutError:
        return False
    return True


async def _refused(client: Client, message: str | bytes) -> bool:
    send = await client.send_message(message, timeout_s=ANSWER_WITHIN_S)
    return send.outcome == "closed"
