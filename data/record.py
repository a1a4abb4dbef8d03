"""Record this folder anew: `.venv/bin/python data/record.py`, or only a part: `… record.py story 03`.

Each lesson is executed once, with the solution of its exercise, and the results of its experiments are kept, as are the
outputs of its cells tagged `sockets`. So no list of runs is needed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from wslab import Knobs, LabServer, Relay, ladders, payload_sweep, restart_drill, send_message, tell_story, watch
from wslab.core.recordings import RECORD, REPLAY
from wslab.core.runs import Run
from wslab.experiments import closure_visibility, frames_question, limit_cost
from wslab.notebook.replay import CELLS, TAG, cell_key
from wslab.reports.execution import execute
from wslab.reports.material import Material, lessons, open_notebook

DATA = Path(__file__).parent

FIGURES = "figures.json"
"""The text alternatives of a lesson's figures, computed from their data; a replay must produce the same."""

RECORDINGS: dict[str, Callable[[], Run]] = {
    "story": lambda: tell_story(clients=12, max_message_bytes=65_536),
    "sweep-until-refused": lambda: payload_sweep(Knobs(max_message_bytes=100_000), ladders.until_refused(1024, 2**20)),
    "restart-graceful": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="graceful"),
    "restart-crash": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="crash"),
    "visibility": lambda: closure_visibility(
        Knobs(max_message_bytes=65_536), clients=["wslab", "websockets", "websocket-client"], tries=15
    ),
    "frames-question": lambda: frames_question(
        Knobs(max_message_bytes=65_536, compression=True), payload_bytes=100_000, piece_bytes=16_384
    ),
    "limit-cost": limit_cost,
    "relay-passed": lambda: bent(None),
    "relay-rewritten": lambda: bent("rewrite_close"),
    "relay-dropped": lambda: bent("drop_close"),
    "relay-unavailable": lambda: bent("unavailable"),
    "watch-idle": lambda: watch(
        Knobs(idle_timeout_s=2, idle_close_code=1006, ping_interval_s=None), duration_s=14, interval_s=1, apart_s=0.4
    ),
}


def bent(fault: str | None) -> Run:
    """Send messages over the limit through a relay with one fault, and return what the relay saw."""
    with LabServer(max_message_bytes=1000, close_timeout_s=0.3) as server, Relay(server.url) as relay:
        if fault is not None:
            relay.add(fault)
        for _ in range(5):
            send_message(relay.url, "x" * 1001)
        while relay.connections:
            time.sleep(0.01)
        return relay.run()


def record_lesson(name: str) -> Path:
    """Execute a lesson and replace its recordings, unless a cell fails."""
    opened = open_notebook(name)
    solve(opened)
    keep_no_run_of_socket_cells(opened)
    with tempfile.TemporaryDirectory(dir=DATA, prefix=".") as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        execution = execute(opened, record_to=fresh, timeout_s=300)
        if execution.failure is not None:
            raise SystemExit(f"{name}, code cell {execution.failure.cell_number}: {execution.failure.error}")
        write(fresh / CELLS, cells_with_sockets(opened))
        write(fresh / FIGURES, figures_in_words(opened.notebook))
        if "/" in name:  # a translation: it replays the runs of the English lesson
            for kept in fresh.iterdir():
                if kept.name != CELLS:
                    kept.unlink()
        place = DATA / "lessons" / name
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(exist_ok=True, parents=True)
        return fresh.rename(place)


def write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def solve(opened: Material) -> None:
    """Add the solution of the exercise, and its check once more, after the check."""
    cells = opened.notebook.cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    solutions = re.findall(r"<summary>(?:Solution|解答)</summary><pre><code>(.*?)</code></pre>", prose, re.DOTALL)
    checks = [number for number, cell in enumerate(cells) if "check" in cell.metadata.get("tags", [])]
    for number, solution in reversed(list(zip(checks, solutions, strict=True))):
        again = [new_code_cell(solution), new_code_cell(cells[number].source)]
        cells[number + 1 : number + 1] = again


def keep_no_run_of_socket_cells(opened: Material) -> None:
    """Pause the recording in cells tagged `sockets`: a replay shows their outputs, not their runs."""
    pause = new_code_cell(f"import os\n_folder = os.environ.pop({RECORD!r})")
    resume = new_code_cell(f"os.environ[{RECORD!r}] = _folder")
    cells = opened.notebook.cells
    for number in reversed([number for number, cell in enumerate(cells) if TAG in cell.metadata.get("tags", [])]):
        cells[number : number + 1] = [pause, cells[number], resume]


def cells_with_sockets(opened: Material) -> dict[str, list[dict[str, object]]]:
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
    names = {name[:2]: name for name in lessons() if "/" not in name}
    for given in sys.argv[1:] or [*RECORDINGS, *lessons()]:
        name = names.get(given, given)
        print(RECORDINGS[name]().save(DATA / f"{name}.jsonl") if name in RECORDINGS else record_lesson(name))
