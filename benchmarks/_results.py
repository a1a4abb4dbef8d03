"""What a benchmark returns: one result per claim, with what each round measured; how results are told and kept."""

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

HEADINGS = ("claim", "measured", "spread", "beside", "promised", "met")


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One claim, and what was measured of it.

    Fields:
        claim: what is measured, in words that a table shows.
        values: one per round, in the order of the rounds; empty where nothing could be measured.
        unit: of the values; “×” is a ratio to what stands in `peer`.
        peer: what it was measured beside, with its version; empty where the claim is absolute.
        at_most, at_least: what is promised of the median; neither where nothing is.
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
        """What each round took of what is promised, so that at most 1 keeps the promise; empty where nothing is."""
        if self.at_most is not None:
            return tuple(value / self.at_most for value in self.values)
        return tuple(self.at_least / value for value in self.values) if self.at_least is not None else ()

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the promise; None where nothing was promised or measured."""
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
    """The machine on which results were measured, and how: it names no host, user or path.

    Fields:
        quick: whether fewer rounds and smaller sizes were taken than the claims are about.
        busy: how many processes wanted a processor, on average, in the minute before the first benchmark.
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
            f"{versions}; {self.busy:.1f} processes wanted a processor before it."
        )
        quick = " A quick run, of fewer rounds and smaller sizes than are promised: an impression, and no more."
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
    """Return the results as a table in Markdown, its columns aligned so that a terminal shows it as well."""
    rows = [HEADINGS, *(tuple(as_markdown(cell.replace("|", "/")) for cell in result.cells()) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def save(path: Path, bench: Bench, results: Iterable[Result]) -> None:
    """Write the machine's description, then a line per result."""
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
    """Measure two things in turns, so that a slow spell of the machine hits both; return the ratio of each round.

    Args:
        ours, theirs: measure once, and return seconds, or whatever both count.
    """
    ours(), theirs()  # a round to warm up: files cached, code compiled
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    own, other = (amount(statistics.median(column) * 1e3) for column in zip(*pairs, strict=True))
    ratios = tuple(mine / its for mine, its in pairs)
    return Result(claim=claim, values=ratios, peer=peer, at_most=at_most, note=f"{own} ms against {other}")


def tell(measure: Callable[[bool], Iterable[Result]], about: str | None) -> None:
    """Be the program of a benchmark: measure, and print a table; with --json, one line per result, at once."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes")
    parser.add_argument("--json", action="store_true", help="a line per result, as `run.py` reads them")
    options = parser.parse_args()
    results = []
    for result in measure(options.quick):
        results.append(result)
        if options.json:
            sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
            sys.stdout.flush()
    if not options.json:
        sys.stdout.write(table(results))
