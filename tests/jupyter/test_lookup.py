"""A port is found to be a lab server's from start to stop, and nobody else's ever."""

from __future__ import annotations

import socket

import pytest

from wslab.jupyter.lookup import find_lab_server
from wslab.net.relay import Address
from wslab.net.server.lab_server import LabServer


@pytest.mark.parametrize(("host", "reached_at"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
def test_lab_server_is_found_where_it_is_reached(host: str, reached_at: str) -> None:
    with LabServer(host=host, expose=True) as server:
        assert find_lab_server(server.port) == Address(reached_at, server.port)


def test_lab_server_is_found_while_it_is_down_and_not_when_it_has_stopped() -> None:
    with LabServer(comes_back=False) as server:
        server.restart()
        port = server.port
        assert find_lab_server(port) == Address("127.0.0.1", port)
    assert find_lab_server(port) is None


def test_port_of_another_program_is_not_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert find_lab_server(listener.getsockname()[1]) is None
