"""What `import wslab` costs beside `import websockets`: at most 1.5 times as much, promises the project.

Each import is timed by a fresh interpreter, with its bytecode cached as after any first use; the two take turns, so
that a slow spell of the machine hits both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 15
PROMISED_RATIO = 1.5

TIMED_IMPORT = "from time import perf_counter as now; start = now(); import {module}; print(now() - start)"


def import_s(module: str) -> float:
    """Return the seconds that importing `module` takes in an interpreter started for it."""
    command = [sys.executable, "-c", TIMED_IMPORT.format(module=module)]
    caching = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    return float(subprocess.run(command, env=caching, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Print the medians and their ratio."""
    _, *rounds = [(import_s("wslab"), import_s("websockets")) for _ in range(1 + ROUNDS)]
    ours_s, theirs_s = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(
        f"import wslab {ours_s * 1e3:.1f} ms, import websockets {theirs_s * 1e3:.1f} ms: "
        f"ratio {ours_s / theirs_s:.2f}, promised at most {PROMISED_RATIO}"
    )


if __name__ == "__main__":
    main()
