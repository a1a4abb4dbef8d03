"""Whose a port is: whether this user's lab server has it, asked of the machine's processes and kept nowhere.

A list of ports would outlive a killed kernel, and the port might by then be somebody else's.
"""

from __future__ import annotations

import contextlib

import psutil

from wslab.net.relay import Address
from wslab.net.server.lab_server import SERVING

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def find_lab_server(port: int) -> Address | None:
    """Return where a lab server of this user's is to be reached, by its port; None where it is not one's.

    One that is down for a restart is found too, and refuses. Reads the command line of every process of this machine.
    """
    user = psutil.Process().username()
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):  # it has just ended, or is not ours to look into
            process = psutil.Process(pid)
            match process.cmdline():
                case [_, "-m", program, host, number, *_] if (program, number) == (SERVING, str(port)):
                    if process.username() == user:
                        return Address(ANY_ADDRESS.get(host, host), port)
    return None
