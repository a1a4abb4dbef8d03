"""One TCP connection as a probe needs it, plain or under TLS: it tells FIN from RST and reads what came before either.

Not asyncio's streams: their transport throws away what waits in the receive buffer when a send fails, and that
is where the close frame is. The socket is driven by the loop's `sock_…` calls, TLS by `ssl.MemoryBIO`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

from wslab.core.records import TcpEnd

RECEIVE_BYTES = 64 * 1024
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class TcpStream:
    """A connected socket that does not block. `end` says how the other side ended it; None while it has not."""

    def __init__(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._flushing = asyncio.Lock()
        self.end: TcpEnd | None = None
        with contextlib.suppress(OSError):  # a Unix socket has no such option
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge_at_once()

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do the TLS handshake; from then on everything is encrypted.

        Raises:
            ssl.SSLError: it failed. ConnectionError: TCP ended instead.
        """
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise ConnectionError("TCP was ended during the TLS handshake") from None
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert
                raise
            else:
                return await self._flush()

    async def send(self, data: bytes) -> None:
        """Hand `data` to the kernel.

        Raises:
            OSError: the connection is gone; `end` says so, and what had arrived can still be received.
        """
        try:
            if self._tls is None:
                await self._loop.sock_sendall(self._socket, data)
            else:
                self._tls.write(data)
                await self._flush()
        except OSError:
            self.end = "reset"
            raise

    async def receive(self) -> bytes:
        """Return what has arrived, at least one byte; empty once the other side has ended, see `end`."""
        if self._tls is None:
            return await self._receive_raw()
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                data = self._read_tls()
                if not data:
                    self.end = self.end or "fin"
                return data
            if not await self._fill():
                return b""  # TLS is not told that it was cut off: it would send no more, to a peer that may read on

    def half_close(self) -> None:
        """Tell the other side that nothing more will come, and go on reading."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the connection. Nothing may be sending or receiving."""
        self._socket.close()

    def _read_tls(self) -> bytes:
        assert self._tls is not None
        try:
            return self._tls.read(RECEIVE_BYTES)
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError:  # an end without TLS's own closing alert, or noise
            return b""

    async def _receive_raw(self) -> bytes:
        try:
            data = await self._loop.sock_recv(self._socket, RECEIVE_BYTES)
        except OSError:
            self.end = "reset"
            return b""
        if not data:
            self.end = self.end or "fin"
        self._acknowledge_at_once()
        return data

    def _acknowledge_at_once(self) -> None:
        # A server that leaves Nagle's algorithm on holds its second small frame back until the first is acknowledged,
        # and a delayed acknowledgement makes 40 ms of that (RFC 9293 §3.7.4). The kernel forgets the option, so again.
        if _QUICKACK is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    async def _fill(self) -> int:
        """Hand what has arrived to TLS; return how much that was."""
        return self._incoming.write(await self._receive_raw())

    async def _flush(self) -> None:
        async with self._flushing:
            if self._outgoing.pending:
                await self._loop.sock_sendall(self._socket, self._outgoing.read())
