"""Which process serves a port: whether it is a lab server of this user's, asked of the system and kept nowhere.

A list of ports would outlive a killed kernel, and the port might by then be somebody else's.
"""

from __future__ import annotations

import contextlib

import psutil

from wslab.net.relay import Address
from wslab.net.server import SERVING

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def find_lab_server(port: int) -> Address | None:
    """Return where a lab server of this user's listens on `port`, on this machine; None where none does.

    One that is down for a restart does not listen. Reads the process table: some milliseconds, off the event loop.
    """
    user = psutil.Process().username()
    for process in psutil.process_iter(["username", "cmdline"]):
        if process.info["username"] != user or (process.info["cmdline"] or [])[1:3] != ["-m", SERVING]:
            continue
        with contextlib.suppress(psutil.Error):  # it has just ended
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return Address(ANY_ADDRESS.get(connection.laddr.ip, connection.laddr.ip), port)
    return None
