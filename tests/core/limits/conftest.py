"""A server in a dozen numbers and no I/O: what the search is to find out, known in advance."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from typing import Literal

import pytest
from msgspec.structs import replace

from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.likeness import kind_of
from wslab.core.limits.manner import Terms
from wslab.core.limits.search import search_limit
from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import CompressionCounts, Failure, OverLimit, Refusal, TextUnit
from wslab.core.records import Close

Replies = Literal["echo", "own", "none"]
WantsJson = Literal["or closes", "or says no"]


CAP_BYTES = 2**30


@dataclass
class Caps:
    """What a server closes on beside size. `per_server` counts over all connections, otherwise over each.

    A rate counts within a window of `window_s`. Where there is an `answer`, it is given instead of a closure; "": none.
    """

    messages_per_window: int | None = None
    bytes_per_window: int | None = None
    window_s: float = 1.0
    messages: int | None = None
    bytes: int | None = None
    frames: int | None = None
    age_s: float | None = None
    sending_s: float | None = None
    share: float = 0.0
    per_server: bool = False
    code: int = 1008
    reason: str = ""
    answer: str | None = None


@dataclass
class Line:
    """One connection, and what it has carried."""

    deflate: bool
    opened_at_s: float
    messages: int = 0
    bytes: int = 0
    frames: int = 0
    log: list[tuple[float, int]] = field(default_factory=list)


@dataclass
class SimulatedServer:
    """Accepts a message unless a frame of it, or its total, is over the limit that applies, or one of its `caps`.

    `late_refusals` are answered only to patient trials, as a busy server does. `says_no_above` is answered in words.
    Each connection goes by chance to one of `servers`, whose `max_message` it is. Every message takes a ms.
    A text limit may not `limits_binary` messages; after a refusal it `bans` the address. `chatter` comes with every
    message and without; a message that is not as it `wants_json` is refused with 1003.
    `max_message` grows by `grows_per_s`, or `falls_to` a number `falls_after` so many trials. Of a message it
    `echoes_bytes` at most. It answers `late_s` after a pong. After `trials_in_time` the search's time is up. One
    message above `fells_above` takes the server away for `away_s`.
    """

    max_frame: int | None = None
    max_message: int | None = None
    max_fragments: int | None = None
    on_header: bool = True
    unit: TextUnit = "bytes"
    compression: CompressionCounts | None = None
    over_limit: OverLimit = "close_frame"
    close_code: int = 1009
    reason: str = ""
    replies: Replies = "echo"
    answer: str = "got it"
    says_no_above: int | None = None
    no: str = '{"error": "message too long, dropping"}'
    bytes_per_s: float = 1e12
    greetings: int = 0
    unasked: int = 0
    pongs: bool = True
    ends: int | None = None
    ends_unasked: bool = False
    takes_fragments: bool = True
    takes_text: bool = True
    late_refusals: frozenset[int] = frozenset()
    caps: Caps = field(default_factory=Caps)
    wants_json: WantsJson | None = None
    chatter: tuple[str, ...] = ()
    grows_per_s: float = 0.0
    falls_after: int | None = None
    falls_to: int = 0
    echoes_bytes: int | None = None
    late_s: float = 0.0
    trials_in_time: int | None = None
    limits_binary: bool = True
    bans: bool = False
    fells_above: int | None = None
    away_s: float = 0.5
    servers: tuple[int, ...] = ()
    seed: int = 0

    connections: int = 0
    messages: int = 0
    probe_bytes: int = 0
    clock_s: float = 0.0
    confirmations: list[Trial] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    _line: Line | None = None
    _log: list[tuple[float, int]] = field(default_factory=list)
    _stuck: bool = False
    _back_at_s: float = 0.0
    _banned: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def probe(
        self, *, cap_bytes: int = 2**26, configured_bytes: int | None = None, terms: Terms | None = None
    ) -> LimitEvidence:
        """Run a whole search against this server."""
        evidence = LimitEvidence(cap_bytes=cap_bytes, configured_bytes=configured_bytes)
        steps = search_limit(evidence, terms)
        with contextlib.suppress(StopIteration):
            trial = next(steps)
            while True:
                self.trials.append(trial)
                trial = steps.send(self.observe(trial))
        return evidence

    def observe(self, trial: Trial) -> Observation:
        self.clock_s += trial.pause_s
        if self.clock_s < self._back_at_s:
            return Observation(failure=Failure(status="went_away", explanation="It is not open."), at_s=self.clock_s)
        if len(self.trials) == self.trials_in_time:
            return Observation(failure=Failure(status="out_of_bounds", explanation="Time is up."), at_s=self.clock_s)
        if self.falls_after is not None and len(self.trials) > self.falls_after:
            self.max_message = self.falls_to
        if trial.source in self._banned and not self._fits(trial):
            return Observation(failure=Failure(status="went_away", explanation="It lets nobody in."), at_s=self.clock_s)
        greetings = self._connect(trial)
        if trial.is_compressed and self.compression is None:
            return self._dated(Observation(own_messages=greetings))
        self._count(trial)
        if trial.form == "series":
            observation = self._series(trial)
        else:
            closed = self._capped(trial)
            observation = self._closure(trial) if closed else self._answer(trial, greetings)
        if self.fells_above is not None and trial.payload_bytes > self.fells_above and not trial.is_announcement:
            self._back_at_s = self.clock_s + self.away_s
            observation = Observation(tcp_ended=True)
        observation = self._dated(observation, trial)
        if observation.close_code is not None or trial.is_announcement:
            self._line = None
        return observation

    def _series(self, trial: Trial) -> Observation:
        passed = 0
        while passed < trial.count:
            self.clock_s += trial.rest_s if trial.rest_after and passed == trial.rest_after else trial.interval_s
            if self._capped(trial) or self._refuses(trial):
                return replace(self._closure(trial), passed=passed, fell_short=True)
            passed += 1
        return Observation(passed=passed)

    def _closure(self, trial: Trial) -> Observation:
        if self._refuses(trial):
            return self._refuse(trial, 0)
        if self.caps.answer is not None:
            replies = (self.caps.answer,) if self.caps.answer else ()
            return Observation(own_messages=len(replies), replies=replies, pong=True)
        return Observation(close=Close(code=self.caps.code, reason=self.caps.reason), tcp_ended=True)

    def _capped(self, trial: Trial) -> bool:
        """Count a message, and return whether a cap closes on it."""
        line, caps = self._line, self.caps
        assert line is not None
        size = 0 if trial.form in ("opening", "nothing") or trial.is_announcement else trial.payload_bytes
        self.clock_s += 0.001 + trial.takes_s + size / self.bytes_per_s + trial.grace_s
        if trial.form in ("opening", "nothing") or trial.is_announcement:
            return False
        log = self._log if caps.per_server else line.log
        log.append((self.clock_s, size))
        recent = [(at_s, size) for at_s, size in log if at_s > self.clock_s - caps.window_s]
        line.messages += 1
        line.bytes += size
        line.frames += 2 if trial.form == "series" and trial.fragment_bytes else 1
        age_s = self.clock_s - line.opened_at_s
        over = (
            (caps.messages_per_window, len(recent)),
            (caps.bytes_per_window, sum(size for _, size in recent)),
            (caps.messages, line.messages),
            (caps.bytes, line.bytes),
            (caps.frames, line.frames),
            (caps.age_s, age_s),
            (caps.sending_s, trial.takes_s + size / self.bytes_per_s),
        )
        return any(cap is not None and value > cap for cap, value in over) or self._random.random() < caps.share

    def _dated(self, observation: Observation, trial: Trial | None = None) -> Observation:
        line = self._line
        return replace(
            observation,
            nth=line.messages if line else 1,
            age_s=self.clock_s - line.opened_at_s if line else 0.0,
            sent_bytes=line.bytes if line else 0,
            took_s=0.001 + self.late_s + (trial.takes_s + trial.payload_bytes / self.bytes_per_s if trial else 0.0),
            at_s=self.clock_s,
            connections=self.connections,
        )

    def _connect(self, trial: Trial) -> int:
        if self._fits(trial):
            return 0
        self._line, self._stuck = Line(trial.is_compressed, self.clock_s), False
        self.connections += 1
        if self.servers:
            self.max_message = self._random.choice(self.servers)
        return 0 if trial.baseline.greetings else self.greetings

    def _fits(self, trial: Trial) -> bool:
        """Whether the trial goes over the connection of the one before."""
        line = self._line
        fits = line is not None and line.deflate is trial.is_compressed and not self._stuck
        return trial.form == "again" or (
            fits and not trial.fresh and trial.form not in ("opening", "series", "overrun")
        )

    def _count(self, trial: Trial) -> None:
        size = len(trial.compressed_payload(b"a")) if trial.is_compressed else trial.payload_bytes
        if trial.form == "announced_in_fragments":
            self.probe_bytes += 7 + header_bytes(size - 1)
        elif trial.is_announcement:
            self.probe_bytes += header_bytes(size)
        elif trial.purpose == "evidence":
            self.confirmations.append(trial)
        elif trial.purpose == "search":
            self.probe_bytes += header_bytes(size) + size

    def _answer(self, trial: Trial, greetings: int) -> Observation:
        alive = self.pongs and not self._stuck
        if self._refuses(trial):
            return self._refuse(trial, greetings)
        if trial.is_announcement:
            return Observation(own_messages=greetings)
        unasked = self.unasked + greetings
        chatter = tuple(said for said in self.chatter if kind_of(said, "words") not in trial.baseline.chatter)
        if (trial.form in ("opening", "nothing") and not self.ends_unasked) or self._stuck:
            return Observation(own_messages=unasked + len(chatter), replies=chatter, pong=alive)
        if self.wants_json == "or says no" and trial.content != "json_text":
            return Observation(own_messages=1, replies=('{"error": "invalid JSON"}',), pong=alive)
        if self.says_no_above is not None and trial.payload_bytes > self.says_no_above:
            return Observation(own_messages=1, replies=(self.no,), pong=alive)
        echoes = self.replies == "echo" and trial.baseline.replies != "own"
        is_waited_for = trial.baseline.replies in ("echo", "own") or trial.answer_within_s >= self.late_s
        if self.late_s:
            self.clock_s += self.late_s if is_waited_for else 0.0
            if not is_waited_for:
                return Observation(pong=True)
        return Observation(
            echoed_bytes=min(trial.echo_bytes, self.echoes_bytes or CAP_BYTES) if echoes else 0,
            own_messages=unasked + (not echoes and self.replies != "none") + len(chatter),
            replies=(*chatter, *([self.answer.format(size=trial.payload_bytes)] if self.replies == "own" else ())),
            pong=alive and self.ends is None,
            close=Close(code=self.ends) if self.ends not in (None, 1006) else None,
            tcp_ended=self.ends is not None,
            deflate=trial.is_compressed,
        )

    def _refuses(self, trial: Trial) -> bool:
        if trial.form in ("opening", "nothing") or self._stuck:
            return False
        if trial.is_announcement and not self.on_header:
            return False
        if trial.payload_bytes in self.late_refusals and trial.patience == 1:
            return False
        if trial.content != "binary" and not self.takes_text:
            return True
        if trial.content == "binary" and not self.limits_binary:
            return False
        if self.wants_json == "or closes" and trial.content != "json_text":
            return True
        if "fragments" in trial.form and not self.takes_fragments:
            return True
        most_bytes = (self.max_fragments or trial.payload_bytes) * trial.fragment_bytes
        if trial.form == "fragments" and trial.payload_bytes > most_bytes:
            return True
        return any(self._is_over(*sizes) for sizes in self._weigh(trial))

    def _weigh(self, trial: Trial) -> list[tuple[int, int]]:
        """The largest frame and the total, for each way in which this server counts the message."""
        size = trial.payload_bytes
        if trial.content == "wide_text" and self.unit == "characters":
            size //= 2
        if trial.form == "announced_in_fragments":
            return [(max(1, size - 1), size)]
        if trial.form == "fragments":
            return [(min(trial.fragment_bytes, size), size)]
        if not trial.is_compressed:
            return [(size, size)]
        counted = {
            "wire": [len(trial.compressed_payload(b"a"))],
            "inflated": [trial.echo_bytes],
            "both": [len(trial.compressed_payload(b"a")), trial.echo_bytes],
        }
        return [(size, size) for size in counted[self.compression or "both"]]

    def _is_over(self, frame_bytes: int, message_bytes: int) -> bool:
        grown = None if self.max_message is None else self.max_message + self.grows_per_s * self.clock_s
        limits = ((self.max_frame, frame_bytes), (grown, message_bytes))
        return any(limit is not None and size > limit for limit, size in limits)

    def _refuse(self, trial: Trial, greetings: int) -> Observation:
        if self.bans:
            self._banned.add(trial.source)
        unasked = self.unasked + greetings
        if self.over_limit in ("silent_drop", "held_open"):
            self._stuck = self.over_limit == "held_open"
            pong = self.over_limit == "silent_drop" and self.pongs
            return Observation(own_messages=unasked, pong=pong, deflate=trial.is_compressed)
        wants_other = self.wants_json is not None and trial.content != "json_text"
        close = {
            "close_frame": Close(code=1003 if wants_other else self.close_code, reason=self.reason),
            "empty_close_frame": Close(code=1005),
            "no_close_frame": None,
        }[self.over_limit]
        return Observation(
            own_messages=unasked,
            close=close,
            tcp_ended=True,
            deflate=trial.is_compressed,
            sending="taken" if trial.form == "overrun" else None,
            header_only=self.on_header,
        )


def header_bytes(payload_bytes: int) -> int:
    """Of a masked frame (RFC 6455 §5.2)."""
    return 6 + (0 if payload_bytes < 126 else 2 if payload_bytes < 65_536 else 8)


def refusal_of(found: LimitEvidence) -> Refusal:
    assert found.refusal is not None
    return found.refusal


def failure_of(found: LimitEvidence) -> Failure:
    assert found.failure is not None
    return found.failure


@pytest.fixture(scope="session")
def caps() -> type[Caps]:
    """What a simulated server closes on beside size."""
    return Caps


@pytest.fixture(scope="session")
def simulate() -> type[SimulatedServer]:
    """The simulated server, to be made with the behaviour that a search is to find out."""
    return SimulatedServer
