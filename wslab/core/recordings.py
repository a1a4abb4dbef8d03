"""Recorded results in a folder, each found by the fingerprint of the call that it answers.

A fingerprint covers everything that decides what a call does: the experiment, its arguments, the server's knobs that
differ from their defaults, the seed, and a policy's behaviour: not its name, but its delays and the codes that it
retries. The same call finds its recording, no matter who makes it; a different call finds none. A new argument or knob
changes no fingerprint while it has its default.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from wslab.core.checks import Check
from wslab.core.knobs import Knobs
from wslab.core.limits.verdicts import Verdict
from wslab.core.policies.policy import Policy
from wslab.core.records import RunInfo
from wslab.core.runs import Run

REPLAY = "WSLAB_REPLAY"
RECORD = "WSLAB_RECORD"
"""Environment variables, read by `wslab.net.replay`."""

DRAWN = 5
"""The number of delays that tell two policies apart."""

TRIED_CODES = (1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 4000)
"""The codes that tell two retry rules apart."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an experiment: everything that decides what it does, in a form that JSON can hold.

    Fields:
        url: of a foreign server; None for a lab server, whose port differs each time.
        policy: its `behaviour`.
    """

    experiment: str
    parameters: Mapping[str, Any]
    knobs: Knobs | None = None
    seed: int | None = None
    url: str | None = None
    policy: Mapping[str, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits; the same call has the same ones on every machine.

        >>> Asked(experiment="tell_story", parameters={"a": 1, "b": 2}).fingerprint
        'f6f9fbba140e'
        """
        asked = msgspec.structs.asdict(self)
        if self.knobs is not None:
            usual = msgspec.structs.asdict(Knobs())
            turned = msgspec.structs.asdict(self.knobs).items()
            asked["knobs"] = {name: value for name, value in turned if value != usual[name]}
        return hashlib.blake2s(msgspec.json.encode(asked, order="deterministic"), digest_size=6).hexdigest()


def behaviour(policy: Policy) -> dict[str, Any]:
    """Return what a policy does, regardless of how it is written: its first delays, and the codes that it retries.

    >>> from wslab.core.policies.textbook import constant
    >>> behaviour(constant(delay_s=3))["delays_s"]
    [3, 3, 3, 3, 3]
    """
    uptime = {"min_uptime_s": policy.min_uptime_s} if policy.min_uptime_s else {}
    return uptime | {
        "delays_s": list(islice(policy.delays(Random(0)), DRAWN)),
        "retries": [code for code in TRIED_CODES if policy.retries(code)],
        "honours_retry_after": policy.honours_retry_after,
    }


def keep(folder: Path, asked: Asked, result: Run | Verdict | Check) -> Path:
    """Write a result into `folder`, which is created if missing, and return the file's path.

    A call may be kept any number of times; its files are numbered.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = len(recorded([folder], asked)) + 1
    stem = f"{asked.experiment}-{asked.fingerprint}-{number:02}"
    if isinstance(result, Run):
        return result.save(folder / f"{stem}.jsonl.gz")
    path = folder / f"{stem}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    return path


def recorded(folders: Iterable[Path], asked: Asked) -> list[Path]:
    """Return the files of this call's results, in the order of recording."""
    pattern = f"{asked.experiment}-{asked.fingerprint}-*"
    return [path for folder in folders for path in sorted(folder.rglob(pattern))]


def infos(folder: Path) -> Iterator[RunInfo]:
    """Yield the `RunInfo` of each run in a folder and its subfolders, without reading the other records."""
    for path in sorted(folder.rglob(f"*-{'[0-9a-f]' * 12}-*.jsonl.gz")):
        with gzip.open(path) as file:
            yield msgspec.json.decode(file.readline(), type=RunInfo)


def read_verdict(path: Path) -> Verdict:
    """Read a verdict that `keep` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not hold a verdict.
    """
    return msgspec.json.decode(path.read_bytes(), type=Verdict)


def read_check(path: Path) -> Check:
    """Read a check that `keep` wrote; raises like `read_verdict`."""
    return msgspec.json.decode(path.read_bytes(), type=Check)
