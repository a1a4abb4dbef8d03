"""Reading on after a reset: the bytes that had arrived before it may hold a close frame that says why."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import cast

READ_BYTES = 65_536
MAX_READ_ON_BYTES = 16 * 2**20


def left_unread(transport: asyncio.Transport) -> Iterator[bytes]:
    """Yield what the kernel still holds of a connection that was reset, up to `MAX_READ_ON_BYTES`.

    Call it from `connection_lost`: asyncio closes the socket when that returns. Under TLS the bytes are encrypted and
    useless.
    """
    read_bytes = 0
    with (
        cast("socket.socket", transport.get_extra_info("socket")).dup() as duplicate,
        contextlib.suppress(OSError),  # the reset itself, after everything before it was read
    ):
        while read_bytes < MAX_READ_ON_BYTES and (data := duplicate.recv(READ_BYTES)):
            read_bytes += len(data)
            yield data
