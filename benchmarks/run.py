"""Run every benchmark, one after the other, each in its own process, and print one table at the end.

The results are kept in build/bench.jsonl. --record also writes data/bench/results.jsonl, for the documentation,
and the table in benchmarks/README.md. A benchmark that fails becomes a row, and the others run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

import msgspec
from _results import Result, load, save, table, this_machine

HERE = Path(__file__).parent
ROOT = HERE.parent
RECORDED = ROOT / "data" / "bench" / "results.jsonl"
README = HERE / "README.md"
BETWEEN = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)
PATIENCE_S = 1800.0

BENCHMARKS = sorted(path.stem for path in HERE.glob("[a-z]*.py") if path.stem != "run")


def measured(name: str, *, quick: bool) -> Iterator[Result]:
    """Run one benchmark and yield its results as they come; a failure is the last one."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--json", *["--quick"] * quick]
    with TemporaryFile() as complaints:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True)
        assert child.stdout is not None
        watchdog = threading.Timer(PATIENCE_S, os.killpg, [child.pid, signal.SIGKILL])
        watchdog.start()
        try:
            for line in child.stdout:
                yield msgspec.json.decode(line, type=Result)
            status = child.wait()
        finally:
            watchdog.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # whatever it left behind
            child.wait()
            child.stdout.close()
        complaints.seek(0)
        reason = (complaints.read().decode(errors="replace").splitlines() or [""])[-1]
    if status:
        yield Result(claim=name, note=f"failed with {status}: {reason}")


def claims() -> str:
    """Return what README.md shows: the recorded results that have a promise."""
    bench, results = load(RECORDED)
    return f"\n{table([result for result in results if result.is_promised])}\n{bench}\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes: fewer rounds and smaller sizes")
    parser.add_argument("--record", action="store_true", help="also write the results to data/ and README.md")
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all unless named")
    options = parser.parse_args()
    if unknown := set(options.only) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if options.record and options.only:
        parser.error("--record keeps all results or none: name no benchmark beside it")
    bench = this_machine(date=f"{datetime.now(UTC):%Y-%m-%d}", quick=options.quick)
    results: list[Result] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for name in options.only or BENCHMARKS:
            print(f"{name} …", file=sys.stderr, flush=True)
            results += measured(name, quick=options.quick)
    finally:  # an interrupt keeps and prints what was measured
        save(ROOT / "build" / "bench.jsonl", bench, results)
        print(f"{table(results)}\n{bench}")
    if options.record:
        save(RECORDED, bench, results)
        README.write_text(BETWEEN.sub(lambda _: claims(), README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
