"""The plugin in somebody's test suite: fixtures with knobs by marker, assertions that fail in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = '''
import threading

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from wslab.pytest_plugin import assert_comes_back, assert_sees, assert_stays_away


class Client(threading.Thread):
    """Comes back once after any closure but 1000, or never."""

    def __init__(self, url, comes_back):
        super().__init__(daemon=True)
        self.url, self.comes_back = url, comes_back
        self.start()

    def run(self):
        while True:
            try:
                with connect(self.url, proxy=None) as connection:
                    connection.recv()
            except OSError:
                continue
            except ConnectionClosed:
                if not self.comes_back:
                    return


@pytest.mark.wslab(downtime_s=0.1)
def test_good_client_comes_back(lab_server):
    Client(lab_server.url, comes_back=True)
    assert_comes_back(lab_server)
    lab_server.restart()
    assert_comes_back(lab_server)
    assert_sees(lab_server, 1012)


@pytest.mark.wslab(downtime_s=0.1)
def test_other_client_is_found_out(lab_server):
    Client(lab_server.url, comes_back=False)
    assert_comes_back(lab_server)
    lab_server.restart()
    assert_stays_away(lab_server, for_s=0.3)
    assert_comes_back(lab_server, within_s=0.2)


@pytest.mark.wslab(max_message_bytes=100)
def test_knobs_come_by_marker(lab_server, lab_relay):
    relay = lab_relay(lab_server.url)
    with connect(relay.url, proxy=None) as connection, pytest.raises(ConnectionClosed) as closed:
        connection.send("x" * 101)
        connection.recv()
    assert closed.value.rcvd.code == 1009


def test_herd_comes_back(lab_server, lab_herd):
    run = lab_herd(lab_server, clients=5, downtime_s=0.1, workers=1)
    assert all(outage.reopened_at_s is not None for outage in run.outages)
'''


def test_suite_of_somebody_uses_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_client.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)
    assert "1 failed, 3 passed" in done.stdout, done.stdout
    assert "0 of 1 clients were back after 0.2 s. The server saw:" in done.stdout
    assert "graceful restart, down 0.1" in done.stdout


def test_plugin_costs_nothing_until_it_is_used() -> None:
    loaded = "import sys, wslab.pytest_plugin; print(*{name.partition('.')[0] for name in sys.modules})"
    child = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert {"websockets", "msgspec", "pandas"}.isdisjoint(child.stdout.split())
