"""Each recorded run can be loaded, is described, and is drawn without a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslab.core.runs import load
from wslab.views import plots

DATA = Path(__file__).parent.parent / "data"
RUNS = sorted(DATA.glob("*.jsonl*"))


def test_every_recorded_run_is_described() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert RUNS
    assert [path.name for path in RUNS if f"`{path.name}`" not in readme] == []


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_recorded_run_is_whole_and_can_be_drawn(path: Path) -> None:
    run = load(path)
    assert not run.info.partial
    if run.sends:
        assert plots.close_codes(run).get_xlabel()
    if run.outages:
        assert plots.reconnect_timeline(run).get_xlabel()
