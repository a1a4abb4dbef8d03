"""Record what is in this folder anew: `.venv/bin/python data/record.py`; of some lessons only, `… record.py 03 07`.

The runs of the lessons are those that the lessons make, solutions of their exercises included: each is executed once,
and what its experiments return is kept, with what its cells that are tagged `sockets` put out. So nobody keeps a list.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from wslab import Knobs, Run, ladders, payload_sweep, restart_drill, tell_story
from wslab.core.recordings import REPLAY
from wslab.views.replay import CELLS, TAG, cell_key
from wslab.views.reports.execution import execute
from wslab.views.reports.opening import Opened, lessons, open_notebook

DATA = Path(__file__).parent

FIGURES = "figures.json"
"""The text alternatives of a lesson's figures, computed from what they show: a replay must come to the same."""

RUNS: dict[str, Callable[[], Run]] = {
    "story": lambda: tell_story(clients=12, max_message_bytes=65_536),
    "sweep-until-refused": lambda: payload_sweep(Knobs(max_message_bytes=100_000), ladders.until_refused(1024, 2**20)),
    "restart-graceful": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="graceful"),
    "restart-crash": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="crash"),
}


def record_lesson(name: str) -> Path:
    """Execute a lesson and put its recordings in place of the former ones, which stay where a cell fails."""
    opened = open_notebook(name)
    solve(opened)
    with tempfile.TemporaryDirectory(dir=DATA, prefix=".") as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        execution = execute(opened, record_to=fresh, timeout_s=300)
        if execution.failure is not None:
            raise SystemExit(f"{name}, code cell {execution.failure.cell_number}: {execution.failure.error}")
        write(fresh / CELLS, cells_with_sockets(opened))
        write(fresh / FIGURES, figures_in_words(opened.notebook))
        place = DATA / "lessons" / name
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(exist_ok=True)
        return fresh.rename(place)


def write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def solve(opened: Opened) -> None:
    """Put the solution of the exercise, and its check once more, after the check."""
    cells = opened.notebook.cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    solutions = re.findall(r"<summary>Solution</summary><pre><code>(.*?)</code></pre>", prose, re.S)
    checks = [number for number, cell in enumerate(cells) if "check" in cell.metadata.get("tags", [])]
    for number, solution in reversed(list(zip(checks, solutions, strict=True))):
        again = [new_code_cell(solution), new_code_cell(cells[number].source)]
        cells[number + 1 : number + 1] = again


def cells_with_sockets(opened: Opened) -> dict[str, list[dict[str, object]]]:
    return {
        cell_key(cell.source): cell.outputs for cell in opened.notebook.cells if TAG in cell.metadata.get("tags", [])
    }


def figures_in_words(notebook: NotebookNode) -> list[str]:
    return [
        output.data["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "<img" in output.get("data", {}).get("text/html", "")
    ]


if __name__ == "__main__":
    os.environ[REPLAY] = "0"
    wanted = sys.argv[1:]
    for name, record in () if wanted else RUNS.items():
        print(record().save(DATA / f"{name}.jsonl"))
    for name in lessons():
        if not wanted or name[:2] in wanted:
            print(record_lesson(name))
