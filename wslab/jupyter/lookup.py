"""Whose a port is: whether this user's lab server listens there, asked of the machine's processes and kept nowhere.

A list of ports would outlive a killed kernel, and the port might by then be somebody else's. A command line alone
proves nothing: the process must be this user's, hold the listener itself, and (on Linux, which can tell) run the very
interpreter that its command line names. While a lab server is down for a restart nobody listens, and nobody is found.

Where a JupyterHub runs all users under one account, `JUPYTERHUB_USER` says whose a lab server is, which inherits it
from its kernel. That keeps users out of each other's way; what shields one from another is an account of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import psutil

from wslab.net.relay.switch import Address
from wslab.net.server.server_protocol import SERVING

HUB_USER = "JUPYTERHUB_USER"

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked for, not bound)


class Listener(NamedTuple):
    """A lab server's process that listens, by its id and its beginning, and the address that it is reached at.

    A process of the lab listens once in its life. So one that was found before connecting and is found equal after it
    is whom the connection leads to: the port was never free in between.
    """

    address: Address
    pid: int
    began_at: float


def find_lab_server(port: int) -> Listener | None:
    """Return this user's lab server that listens at `port`; None where there is none.

    Reads the command line of every process of this machine.
    """
    return next(filter(None, (_listener(pid, port) for pid in psutil.pids())), None)


def _listener(pid: int, port: int) -> Listener | None:
    try:
        process = psutil.Process(pid)
        match process.cmdline():
            case [program, "-m", module, *_] if module == SERVING.module:
                pass
            case _:
                return None
        if process.uids().real != os.getuid() or process.environ().get(HUB_USER) != os.environ.get(HUB_USER):
            return None
        if sys.platform == "linux" and not Path(program).samefile(process.exe()):
            return None
        for held in process.net_connections("tcp"):
            if held.status == psutil.CONN_LISTEN and held.laddr.port == port:
                host = ANY_ADDRESS.get(held.laddr.ip, held.laddr.ip)
                return Listener(Address(host, port), pid, process.create_time())
    except (psutil.Error, OSError):  # it has just ended, or is not ours to look into
        pass
    return None
