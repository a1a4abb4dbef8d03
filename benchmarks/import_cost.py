"""What `import wslab` costs beside `import websockets`, each timed by an interpreter started for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from _results import Result, library, paired, tell

TIMED_IMPORT = "from time import perf_counter as now; start = now(); import {module}; print(now() - start)"


def import_s(module: str) -> float:
    """Return the seconds that importing `module` takes in a fresh interpreter."""
    command = [sys.executable, "-c", TIMED_IMPORT.format(module=module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(quick: bool) -> Iterator[Result]:
    yield paired(
        "import wslab",
        lambda: import_s("wslab"),
        lambda: import_s("websockets"),
        rounds=5 if quick else 15,
        peer=library("websockets"),
        at_most=1.5,
    )


if __name__ == "__main__":
    tell(measure, __doc__)
