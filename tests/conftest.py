"""What the tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import resource_tracker

import pytest
from distributed import LocalCluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A Dask cluster of two worker processes, on loopback."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running
    # The interpreter's own helper would stay as long as this process, and other tests ask that no child does.
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]
