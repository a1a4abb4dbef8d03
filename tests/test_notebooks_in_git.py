"""Notebooks are kept as they are written, not as they were last executed: a diff then shows what was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def traces_of_execution(notebook: dict[str, Any]) -> list[str]:
    """Return what an execution left behind, one phrase each, with the number of the cell counted from 1."""
    return [
        f"cell {number} has {trace.replace('_', ' ')}"
        for number, cell in enumerate(notebook["cells"], start=1)
        for trace in ("outputs", "execution_count")
        if cell.get(trace)
    ]


@pytest.mark.skipif(not NOTEBOOKS.exists(), reason="there are no lessons yet")
def test_notebooks_carry_no_trace_of_execution() -> None:
    lessons = sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("ja/*.ipynb")])
    assert lessons, f"{NOTEBOOKS} holds no notebook"
    traces = {path.name: traces_of_execution(json.loads(path.read_text(encoding="utf-8"))) for path in lessons}
    assert not any(traces.values()), f"`make format` removes these: { {name: t for name, t in traces.items() if t} }"


CLEAN: dict[str, Any] = {"cell_type": "code", "source": "1 + 1", "metadata": {}, "execution_count": None, "outputs": []}


@pytest.mark.parametrize(
    ("left_behind", "trace"),
    [
        ({"outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}]}, "cell 2 has outputs"),
        ({"execution_count": 1}, "cell 2 has execution count"),
    ],
)
def test_notebook_that_was_executed_is_noticed(left_behind: dict[str, Any], trace: str) -> None:
    prose = {"cell_type": "markdown", "source": "# Title", "metadata": {}}
    assert traces_of_execution({"cells": [prose, CLEAN]}) == []
    assert traces_of_execution({"cells": [prose, CLEAN | left_behind]}) == [trace]
