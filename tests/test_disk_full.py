"""A disk that is full while a run is saved or written as it goes costs what did not fit, and nothing before."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import wslab

FULL_BYTES = 2000


@contextlib.contextmanager
def full_beyond(limit_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond this, as on a disk that has no more room."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_run_that_does_not_fit_leaves_the_file_before_it_whole(tmp_path: Path) -> None:
    run = wslab.payload_sweep(wslab.Knobs(), [1] * 20)
    path = wslab.send_message(wslab.Knobs(), "x").save(tmp_path / "run.jsonl")
    earlier = wslab.load(path)
    with full_beyond(FULL_BYTES), pytest.raises(OSError, match="large"):
        run.save(path)
    assert wslab.load(path) == earlier
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl"]
    assert wslab.load(run.save(path)) == run


def test_watch_that_no_longer_fits_goes_on_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "watch.jsonl"
    with wslab.LabServer() as server, full_beyond(FULL_BYTES):
        run = wslab.watch(server.url, duration_s=0.8, interval_s=0.1, apart_s=0.05, clients=5, out=path)
    assert len(run.records) > 10
    assert any("watch.jsonl" in loss for loss in run.info.losses), run.info.losses
    assert wslab.load(path).records == run.records[: len(wslab.load(path).records)]
