"""A server in a dozen numbers and no I/O: what the search is to find out, known in advance."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import settings

from wslab.core.limits.search import search_limit
from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import CompressionCounts, Evidence, OverLimit
from wslab.core.records import Close

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")


@dataclass
class SimulatedServer:
    """Accepts a message unless a frame of it, or its total, is over the limit that applies.

    `late_refusals` are answered only to patient trials, as a busy server does.
    """

    max_frame: int | None = None
    max_message: int | None = None
    max_fragments: int | None = None
    on_header: bool = True
    unit: Literal["bytes", "characters"] = "bytes"
    compression: CompressionCounts | None = None
    over_limit: OverLimit = "close_frame"
    close_code: int = 1009
    reason: str = ""
    replies: Literal["echo", "own", "none"] = "echo"
    greetings: int = 0
    unasked: int = 0
    pongs: bool = True
    ends: int | None = None
    ends_unasked: bool = False
    takes_fragments: bool = True
    takes_text: bool = True
    late_refusals: frozenset[int] = frozenset()

    connections: int = 0
    probe_bytes: int = 0
    confirmations: list[Trial] = field(default_factory=list)
    _open: bool | None = None
    """Whether the open connection has permessage-deflate; None: there is none."""
    _stuck: bool = False

    def probe(self, *, cap_bytes: int = 2**26, configured_bytes: int | None = None) -> Evidence:
        """Run a whole search against this server."""
        evidence = Evidence(cap_bytes=cap_bytes, configured_bytes=configured_bytes)
        steps = search_limit(evidence)
        with contextlib.suppress(StopIteration):
            trial = next(steps)
            while True:
                trial = steps.send(self.observe(trial))
        return evidence

    def observe(self, trial: Trial) -> Observation:
        greetings = self._connect(trial)
        if trial.is_compressed and self.compression is None:
            return Observation(own_messages=greetings)
        self._count(trial)
        observation = self._answer(trial, greetings)
        if observation.close_code is not None or trial.is_announcement:
            self._open = None
        return observation

    def _connect(self, trial: Trial) -> int:
        if trial.form == "again" or (self._open is trial.is_compressed and not self._stuck and trial.form != "opening"):
            return 0
        self._open, self._stuck = trial.is_compressed, False
        self.connections += 1
        return 0 if trial.baseline.greetings else self.greetings

    def _count(self, trial: Trial) -> None:
        size = len(trial.compressed_payload(b"a")) if trial.is_compressed else trial.payload_bytes
        if trial.form == "announced_in_fragments":
            self.probe_bytes += 7 + header_bytes(size - 1)
        elif trial.is_announcement:
            self.probe_bytes += header_bytes(size)
        elif trial.evidence:
            self.confirmations.append(trial)
        else:
            self.probe_bytes += header_bytes(size) + size

    def _answer(self, trial: Trial, greetings: int) -> Observation:
        alive = self.pongs and not self._stuck
        if self._refuses(trial):
            return self._refuse(trial, greetings)
        if trial.is_announcement:
            return Observation(own_messages=greetings)
        unasked = self.unasked + greetings
        if (trial.form in ("opening", "nothing") and not self.ends_unasked) or self._stuck:
            return Observation(own_messages=unasked, pong=alive)
        return Observation(
            echoed_bytes=trial.echo_bytes if self.replies == "echo" else 0,
            own_messages=unasked + (self.replies == "own"),
            pong=alive and self.ends is None,
            close=Close(code=self.ends) if self.ends not in (None, 1006) else None,
            tcp_ended=self.ends is not None,
            deflate=trial.is_compressed,
        )

    def _refuses(self, trial: Trial) -> bool:
        if trial.form in ("opening", "nothing", "again") or self._stuck:
            return False
        if trial.is_announcement and not self.on_header:
            return False
        if trial.payload_bytes in self.late_refusals and trial.patience == 1:
            return False
        if trial.content != "binary" and not self.takes_text:
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
        limits = ((self.max_frame, frame_bytes), (self.max_message, message_bytes))
        return any(limit is not None and size > limit for limit, size in limits)

    def _refuse(self, trial: Trial, greetings: int) -> Observation:
        unasked = self.unasked + greetings
        if self.over_limit in ("silent_drop", "held_open"):
            self._stuck = self.over_limit == "held_open"
            pong = self.over_limit == "silent_drop" and self.pongs
            return Observation(own_messages=unasked, pong=pong, deflate=trial.is_compressed)
        close = {
            "close_frame": Close(code=self.close_code, reason=self.reason),
            "empty_close_frame": Close(code=1005),
            "no_close_frame": None,
        }[self.over_limit]
        return Observation(
            own_messages=unasked,
            close=close,
            tcp_ended=True,
            deflate=trial.is_compressed,
            after_refusal="drain" if trial.evidence else None,
        )


def header_bytes(payload_bytes: int) -> int:
    """Of a masked frame (RFC 6455 §5.2)."""
    return 6 + (0 if payload_bytes < 126 else 2 if payload_bytes < 65_536 else 8)


@pytest.fixture(scope="session")
def simulate() -> type[SimulatedServer]:
    """The simulated server, to be made with the behaviour that a search is to find out."""
    return SimulatedServer
