"""A port is found to be a lab server's from start to stop, and nobody else's ever."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wslab.jupyter.lookup import HUB_USER, find_lab_server
from wslab.net.relay.switch import Address
from wslab.net.server.lab_server import LabServer
from wslab.net.server.server_protocol import SERVING


@pytest.mark.parametrize(("host", "reached_at"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
def test_lab_server_is_found_where_it_is_reached(host: str, reached_at: str) -> None:
    with LabServer(host=host, expose=True) as server:
        found = find_lab_server(server.port)
        assert found is not None
        assert (found.address, found.pid) == (Address(reached_at, server.port), server.pid)


def test_nobody_is_found_while_the_lab_server_is_down() -> None:
    with LabServer(downtime_s=0) as server:
        before = find_lab_server(server.port)
        server.restart()
        assert find_lab_server(server.port) not in (None, before)  # each start is a process of its own
        server.restart("reload", comes_back=False)
        assert find_lab_server(server.port) is None


def test_command_line_without_the_listener_is_not_found() -> None:
    with LabServer(comes_back=False) as server:
        server.restart()
        port = server.port
    with socket.create_server(("127.0.0.1", port)):
        words = [sys.executable, "-m", SERVING.module, str(os.getpid()), "127.0.0.1", str(port)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as idle:
            assert idle.stdout is not None
            idle.stdout.readline()  # it is up, and listens nowhere
            assert find_lab_server(port) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can tell")
def test_listener_that_borrows_the_command_line_is_not_found(tmp_path: Path) -> None:
    lender = tmp_path / "python"
    lender.touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        words = [str(lender), "-m", SERVING.module, str(os.getpid()), "127.0.0.1", str(port)]
        with subprocess.Popen(
            words, executable=shutil.which("cat"), stdin=subprocess.PIPE, pass_fds=[descriptor]
        ) as borrower:
            assert find_lab_server(port) is None
            borrower.kill()


def test_port_of_another_program_is_not_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert find_lab_server(listener.getsockname()[1]) is None


def test_lab_server_of_another_user_of_the_hub_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HUB_USER, "ada")
    with LabServer() as server:
        assert find_lab_server(server.port) is not None
        monkeypatch.setenv(HUB_USER, "grace")
        assert find_lab_server(server.port) is None
