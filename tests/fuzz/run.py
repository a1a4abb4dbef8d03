"""Coverage-guided fuzzing of one target after the other: `make fuzz`. It needs atheris, which is no requirement.

    make fuzz                            each target for ten seconds
    make fuzz ARGS='heads --runs 1e6'    one of them, a million times

What it was given when a target failed stays in build/fuzz/, to be tried again with `--again FILE`; once it is mended it
goes into corpus/, where a test tries it for ever.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FOUND = HERE.parents[1] / "build/fuzz"


def fuzz_here(name: str, options: list[str]) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["wslab"]):
        from fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


def fuzz(name: str, seconds: int, runs: int) -> bool:
    """Fuzz in a process of its own; return whether nothing was found."""
    kept = FOUND / "kept" / name
    kept.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        __file__,
        "--here",
        name,
        kept,
        HERE / "corpus" / name,
        f"-artifact_prefix={FOUND}/{name}-",
    ]
    bounds = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096", "-print_final_stats=1", "-verbosity=1"]
    limits = [f"-runs={runs}"] if runs else [f"-max_total_time={seconds}"]
    log = FOUND / f"{name}.log"
    with log.open("wb") as output:
        done = subprocess.run([*map(str, command), *bounds, *limits], stdout=output, stderr=output, check=False)
    lines = log.read_text(errors="replace").splitlines()
    executed = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
    print(
        f"{name:10} {executed:>10} executions: {'nothing found' if done.returncode == 0 else f'FOUND, see {log}'}",
        flush=True,
    )
    return done.returncode == 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        fuzz_here(sys.argv[2], sys.argv[3:])
    from fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; none: all")
    parser.add_argument("--seconds", type=int, default=10, help="for each")
    parser.add_argument("--runs", type=float, default=0, help="of each, instead of seconds")
    parser.add_argument("--again", type=Path, help="try one file once, to see what it does")
    options = parser.parse_args()
    if options.again:
        TARGETS[options.targets[0]](options.again.read_bytes())
    else:
        names = options.targets or list(TARGETS)
        found = [name for name in names if not fuzz(name, options.seconds, int(options.runs))]
        sys.exit(bool(found))
