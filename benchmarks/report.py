"""What `wslab report` of lesson 00 costs beside `jupyter nbconvert --execute`, whose page needs the network.

Beyond the notebook itself ours keeps the runs, describes the figures and brings the tables along as CSV.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from _results import Result, library, paired, tell

LESSON = Path(__file__).parent.parent / "notebooks" / "00_what_closed_my_connection.ipynb"


def command_s(*arguments: str) -> float:
    """Return the seconds that a Python program takes from start to end."""
    began_s = perf_counter()
    subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return perf_counter() - began_s


def measure(quick: bool) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        page = str(Path(folder) / "page")
        yield paired(
            "a page of lesson 00, executed, with its runs and tables",
            partial(command_s, "wslab", "report", str(LESSON), "--out", f"{page}.html"),
            partial(command_s, "nbconvert", "--execute", "--to", "html", "--output", f"{page}-theirs", str(LESSON)),
            rounds=1 if quick else 5,
            peer=library("nbconvert"),
            at_most=1.3,
        )


if __name__ == "__main__":
    tell(measure, __doc__)
