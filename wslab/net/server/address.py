"""Where a lab server listens: an address of its own, kept through every restart."""

from __future__ import annotations

import errno
import socket

from wslab.core.errors import LabServerError


def reserve(host: str, port: int) -> socket.socket:
    """Bind `port` without listening: it stays ours while the server is down, and connections to it are refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reservation = socket.socket(family)
    # The child binds the same address beside it, which Linux allows with this option while nobody listens there.
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reservation.bind((host, port))
    except OSError as error:
        reservation.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            remedy = "stop who uses it, or take port 0 for a free one"
        else:
            remedy = "the host must be an address of this machine, such as 127.0.0.1"
        raise LabServerError(f"port {port} on {host} cannot be had: {error.strerror}; {remedy}") from None
    return reservation
