"""find_limit: from a target to a proven limit. The shell around the search: bounds, failures, costs.

What to try is decided in `wslab.core.limits.search`, tried by `wslab.net.limits.runner`, and put into words by
`wslab.core.limits.conclusions`. Every failure of the network ends here as the status of a verdict.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from wslab.core.limits.conclusions import conclude
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.manner import Terms
from wslab.core.limits.search import search_limit
from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import Costs, Failure, Verdict
from wslab.core.target import Target
from wslab.net import reach
from wslab.net.limits.answers import ReadingBudget
from wslab.net.limits.connecting import NotOpened, open_wire, other_source, resolve
from wslab.net.limits.request import ProbeRequest
from wslab.net.limits.runner import TrialRunner
from wslab.net.limits.wire import Wire

SLOW_DOWN_S = 1.0
SLOW_DOWN_FACTOR = 20

_NOT_OPEN = ("unauthorized", "redirected", "not_a_websocket_server", "unreachable", "tls_error", "no_answer")
"""What may keep a connection from being opened, whatever was sent on others; an overload is told by itself."""

OnTrial = Callable[[Trial, Observation | None], None]
"""Called before a trial that has a notice, with None, and after each trial with what was seen."""


async def find_limit(target: Target | str, *, on_trial: OnTrial | None = None, **options: Any) -> Verdict:
    """Find the largest message that a server accepts, what the limit counts, and what happens over it.

    Args:
        target: a URL, or a `Target`.
        on_trial: see `OnTrial`.
        options: the other fields of `ProbeRequest`, such as cap_bytes, configured_bytes, max_elapsed_s.

    Returns:
        A verdict, whatever happens: a failure of the network is its `status`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the host is neither this machine nor allowed.
    """
    probe = LimitProbe(ProbeRequest(target, **options), on_trial)
    await probe.run()
    return probe.verdict()


class LimitProbe:
    """One search on one server: `run` it; `verdict` says at any moment, cancelled or not, what is established."""

    def __init__(self, request: ProbeRequest, on_trial: OnTrial | None = None) -> None:
        self._request = request
        self._target = request.to
        self._bounds = request.bounds
        self._on_trial = on_trial
        self._evidence = LimitEvidence(
            cap_bytes=request.cap_bytes,
            configured_bytes=request.configured_bytes,
            budget_s=request.max_elapsed_s,
            remarks=self._target.warnings(),
            through_proxy=self._target.proxy is not None,
        )
        self._contents = request.contents
        self._runner = TrialRunner(self._open, contents=self._contents, target=self._target, hold_s=request.hold_s)
        self._allowance = ReadingBudget(bytes=self._bounds.max_received_bytes)
        self._addresses: list[reach.AddressInfo] = []
        self._openings_s: list[float] = []
        self._connections = 0
        self._began_at = self._ended_at = time.monotonic()
        self._has_finished = False

    def verdict(self) -> Verdict:
        """Return what is established so far, without the target's secrets."""
        if not self._has_finished and self._evidence.failure is None:
            self._evidence.failure = Failure(status="cancelled", explanation="The search was stopped.")
        spent = self._runner.spent
        costs = Costs(
            connections=self._connections,
            messages=spent.messages,
            probe_wire_bytes=spent.search,
            confirmation_wire_bytes=spent.evidence,
            control_wire_bytes=spent.control,
            elapsed_s=round(self._ended_at - self._began_at, 6),
        )
        return conclude(
            self._evidence,
            url=self._target.shown_url,
            costs=costs,
            redact=self._target.redaction,
            keep_replies=self._request.keep_replies,
        )

    async def run(self) -> None:
        """Search to the end, or until nothing more can be found out."""
        self._began_at = time.monotonic()
        try:
            async with self._runner:
                await self._search()
            self._has_finished = True
        finally:
            self._ended_at = time.monotonic()

    async def _search(self) -> None:
        try:
            self._addresses = await resolve(self._target)
        except NotOpened as error:
            self._evidence.failure = error.failure
            return
        steps = search_limit(self._evidence, self._terms)
        trial = next(steps)
        while True:
            if trial.notice is not None:
                self._tell(trial, None)
            observation = await self._observe(trial)
            self._tell(trial, observation)
            try:
                trial = steps.send(observation)
            except StopIteration:
                return

    @property
    def _terms(self) -> Terms:
        return Terms(
            least_bytes=self._contents.least_bytes,
            contents=self._contents.kinds,
            is_filler=self._contents.fill is not None,
            other_sources=other_source(self._addresses, 1) is not None,
            again_after_s=self._request.again_after_s,
            is_local=self._target.is_this_machine,
        )

    def _tell(self, trial: Trial, observation: Observation | None) -> None:
        if self._on_trial is not None:
            self._on_trial(trial, observation)

    async def _observe(self, trial: Trial) -> Observation:
        observation = await self._observed(trial)
        return replace(observation, at_s=time.monotonic() - self._began_at, connections=self._connections)

    async def _observed(self, trial: Trial) -> Observation:
        reached = self._bound_reached_by(trial)
        if reached is not None:
            return _out_of_bounds(reached)
        left_s = self._began_at + self._bounds.max_elapsed_s - time.monotonic()
        try:
            async with asyncio.timeout(left_s):
                await asyncio.sleep(trial.pause_s)
                observation = await self._runner.observe(trial)
        except NotOpened as error:
            return Observation(failure=self._in_context(error.failure))
        except TimeoutError:
            return _out_of_bounds(f"{self._bounds.max_elapsed_s:g} seconds", self._runner.slowness)
        return self._heed(trial, observation)

    def _bound_reached_by(self, trial: Trial) -> str | None:
        spent, bounds = self._runner.spent, self._bounds
        sent_bytes = spent.total_bytes
        if not (trial.is_announcement or trial.is_compressed):
            sent_bytes += trial.payload_bytes * trial.count + trial.overrun_bytes
        if sent_bytes > bounds.max_sent_bytes:
            return f"{bounds.max_sent_bytes:,} bytes to send"
        if spent.messages + trial.count > bounds.max_messages:
            return f"{bounds.max_messages:,} messages to send"
        return None

    async def _open(self, trial: Trial, send_buffer_bytes: int | None) -> Wire:
        if self._connections == self._bounds.max_connections:
            raise NotOpened("out_of_bounds", f"The probe's bound of {self._connections} connections was reached.")
        if self._connections:
            await asyncio.sleep(self._bounds.open_interval_s)
        self._connections += 1
        began_at = time.monotonic()
        wire = await open_wire(
            self._target,
            self._addresses,
            allowance=self._allowance,
            deflate=trial.is_compressed,
            source=other_source(self._addresses, trial.source),
            send_buffer_bytes=send_buffer_bytes,
            bytes_per_s=self._bounds.bytes_per_s,
        )
        self._openings_s.append(time.monotonic() - began_at)
        if not self._target.is_this_machine and self._is_slowing_down():
            await wire.leave()
            raise NotOpened("overloaded", "Opening handshakes take ever longer: the server is left alone.")
        return wire

    def _is_slowing_down(self) -> bool:
        at_first_s = statistics.median(self._openings_s[:3])
        return self._openings_s[-1] > max(SLOW_DOWN_S, SLOW_DOWN_FACTOR * at_first_s)

    def _in_context(self, failure: Failure) -> Failure:
        """A server that was open a moment ago and is not now has gone, for whatever reason: leave it alone."""
        if not self._openings_s or failure.status not in _NOT_OPEN:
            return failure
        opened = f"after {len(self._openings_s)} connection{'s' * (len(self._openings_s) > 1)}"
        said = f"It was open and {opened} is not. {failure.explanation}"
        if failure.http_status is not None:
            said = f"It was open, and {opened} it answers the opening handshake with HTTP {failure.http_status}."
        return replace(failure, status="went_away", explanation=said)

    def _heed(self, trial: Trial, observation: Observation) -> Observation:
        """Stop where the server asks for it: 1012 and 1013 are about the server, whatever was sent (IANA registry).

        On this machine they are left to be a refusal's codes, once the server has shown that it accepts a message.
        """
        code = observation.close_code
        if code not in (1012, 1013) or (trial.baseline.replies is not None and self._target.is_this_machine):
            return observation
        words = f"with the reason “{observation.close_reason}”" if observation.close_reason else "without a reason"
        status = ("went_away", "announces its restart") if code == 1012 else ("overloaded", "asks to be left alone")
        failure = Failure(status=status[0], explanation=f"It closes with {code} {words}: it {status[1]}.")  # type: ignore[arg-type]
        return replace(observation, failure=failure)


def _out_of_bounds(bound: str, why: str = "") -> Observation:
    explanation = f"The probe's bound of {bound} was reached. {why}".strip()
    return Observation(failure=Failure(status="out_of_bounds", explanation=explanation))
