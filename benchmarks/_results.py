"""The result of a benchmark, one per claim, with the value of each round; how results are printed and saved."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import psutil

from wslab.core.errors import BadValueError
from wslab.core.printable import as_markdown
from wslab.net import machine

HEADINGS = ("claim", "measured", "spread", "compared with", "promised", "met")


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One claim, and the values measured for it.

    Fields:
        claim: what is measured, as a table shows it.
        values: one per round, in order; empty if nothing could be measured.
        unit: of the values; “×” is a ratio to `peer`.
        peer: what it is compared with, and its version; empty if the claim is absolute.
        at_most, at_least: the promised bound of the median, if there is one.
        note: what a reader must know, such as why there are no values.
    """

    claim: str
    values: tuple[float, ...] = ()
    unit: str = "×"
    peer: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_promised(self) -> bool:
        return self.at_most is not None or self.at_least is not None

    @property
    def share(self) -> tuple[float, ...]:
        """Each round as a share of the promised bound: at most 1 keeps the promise. Empty if nothing is promised."""
        if self.at_most is not None:
            return tuple(value / self.at_most for value in self.values)
        return tuple(self.at_least / value for value in self.values) if self.at_least is not None else ()

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the promise; None if nothing was promised or measured."""
        return statistics.median(self.share) <= 1 if self.share else None

    def cells(self) -> tuple[str, ...]:
        """Return the row of a table, in the order of `HEADINGS`."""
        measured, spread = f"– ({self.note or 'not measured'})", ""
        if self.values:
            measured = amount(self.median, self.unit) + (f" ({self.note})" if self.note else "")
            least, most = amount(min(self.values)), amount(max(self.values))
            spread = (f"{least} to {most}, " if least != most else "") + f"n = {len(self.values)}"
        promised = "nothing"
        if self.at_most is not None:
            promised = f"at most {amount(self.at_most, self.unit)}"
        elif self.at_least is not None:
            promised = f"at least {amount(self.at_least, self.unit)}"
        met = {True: "yes", False: "no", None: "–"}[self.met]
        return self.claim, measured, spread, self.peer or "–", promised, met


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that measured, and how. It names no host, user or path.

    Fields:
        quick: whether there were fewer rounds and smaller sizes than the claims are about.
        busy: the load average of the minute before the first benchmark.
    """

    system: str
    processor: str
    processors: int
    memory_gib: float
    versions: dict[str, str]
    date: str
    quick: bool
    busy: float

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        told = (
            f"Measured on {self.date}: {self.processors} × {self.processor}, {self.memory_gib:.0f} GiB, {self.system}; "
            f"{versions}; load average before it: {self.busy:.1f}."
        )
        quick = " A quick run with fewer rounds and smaller sizes than the promises are about: an impression only."
        return told + quick * self.quick


def this_machine(*, date: str, quick: bool) -> Bench:
    """Return the description of this machine."""
    return Bench(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        processors=psutil.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        versions=machine.versions(),
        date=date,
        quick=quick,
        busy=round(psutil.getloadavg()[0], 1),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def amount(value: float, unit: str = "") -> str:
    """Return a value in two or three digits, with its unit."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    told = f"{value:,.{digits}f}" if abs(value) >= 0.1 or not value else f"{value:.2g}"
    return told + (f" {unit}".replace(" ×", "×") if unit else "")


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table, with its columns aligned for a terminal."""
    rows = [HEADINGS, *(tuple(as_markdown(cell.replace("|", "/")) for cell in result.cells()) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def save(path: Path, bench: Bench, results: Iterable[Result]) -> None:
    """Write the machine's description, then one line per result."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in (bench, *results)))


def load(path: Path) -> tuple[Bench, list[Result]]:
    """Return what `save` wrote.

    Raises:
        BadValueError: the file holds no description of a machine.
    """
    first, *others = path.read_bytes().splitlines() or [b""]
    try:
        bench = msgspec.json.decode(first, type=Bench)
    except msgspec.MsgspecError as error:
        raise BadValueError(f"{path.name} does not begin with a machine: {error}; make it with make bench") from error
    return bench, [msgspec.json.decode(line, type=Result) for line in others]


def library(name: str) -> str:
    """Return the name and version of an installed package."""
    return f"{name} {importlib.metadata.version(name)}"


def paired(
    claim: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    *,
    rounds: int,
    peer: str,
    at_most: float,
) -> Result:
    """Measure two things alternately, so that a slow spell of the machine hits both; return the ratio of each round.

    Args:
        ours, theirs: each measures once and returns seconds, or another unit that both share.
    """
    ours(), theirs()  # warm up: files cached, code compiled
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    own, other = (amount(statistics.median(column) * 1e3) for column in zip(*pairs, strict=True))
    ratios = tuple(mine / its for mine, its in pairs)
    return Result(claim=claim, values=ratios, peer=peer, at_most=at_most, note=f"{own} ms against {other}")


def tell(measure: Callable[[bool], Iterable[Result]], about: str | None) -> None:
    """Run as a benchmark's program: measure, and print a table, or with --json one line per result as it comes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes")
    parser.add_argument("--json", action="store_true", help="one line per result, for `run.py`")
    options = parser.parse_args()
    results = []
    for result in measure(options.quick):
        results.append(result)
        if options.json:
            sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
            sys.stdout.flush()
    if not options.json:
        sys.stdout.write(table(results))
