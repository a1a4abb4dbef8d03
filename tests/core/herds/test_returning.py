"""How a herd came back: times that no run has are refused before they take memory."""

from __future__ import annotations

import msgspec
import pytest

from wslab.core.herds.returning import returning
from wslab.core.herds.simulate import simulate_herd
from wslab.core.runs import Run


def test_times_that_no_run_has_are_refused_and_take_no_memory() -> None:
    herd = simulate_herd(10, "constant", downtime_s=1).to_run()
    far = msgspec.structs.replace(herd.attempts[0], started_at_s=1e15)
    with pytest.raises(ValueError, match="the file is damaged"):
        returning(Run(herd.info, (*herd.records, far)))
