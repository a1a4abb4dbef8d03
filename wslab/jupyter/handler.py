"""The extension's one route: who may come in, and the opening handshake. Everything after it is `tunnel`'s."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from http import HTTPStatus
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from wslab.jupyter.lookup import Listener, find_lab_server
from wslab.jupyter.tunnel import CHUNK_BYTES, Tunnel
from wslab.net.heads import HeadError, ResponseHead, read_response
from wslab.net.listening import new_socket
from wslab.net.relay.switch import Address

ASKED = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")
ANSWERED = (
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "X-Wslab-Connection",
    "Retry-After",
)
"""The headers that are passed on, in either direction; what Jupyter and the page share is not the lab server's."""

NOBODY = "No lab server of this user listens there"

ANSWER_WITHIN_S = 60.0
"""A server that keeps a handshake waiting, as lab servers can, is given up after this long; no page waits longer."""


class LabServerHandler(JupyterHandler):
    """A WebSocket to a lab server of this user's, by its port."""

    auth_resource = "wslab"
    _server: socket.socket | None = None

    @ws_authenticated
    @authorized(action="execute")  # type: ignore[untyped-decorator]  # its annotations promise less than it does
    async def get(self, port: str) -> None:  # type: ignore[override]
        # Reasons, not log messages: with these Tornado would write the request's address to the log, token and all.
        if not self.check_origin():
            raise HTTPError(HTTPStatus.FORBIDDEN, reason="Origin not allowed by Jupyter")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise HTTPError(HTTPStatus.UPGRADE_REQUIRED)
        listener = await asyncio.to_thread(find_lab_server, int(port))
        if listener is None:
            raise HTTPError(HTTPStatus.BAD_GATEWAY, reason=NOBODY)
        with new_socket(listener.address.host) as server:
            self._server = server
            try:
                await self._connect(server, listener)
                answer, rest = await ask(server, self._request(listener.address))
            except (OSError, HeadError):
                raise HTTPError(HTTPStatus.BAD_GATEWAY, reason="The lab server did not answer") from None
            self._reply(answer)
            if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
                await Tunnel(self.detach(), server).carry(rest)

    def write_error(self, status_code: int, **_: Any) -> None:
        # Not Jupyter's page: no page shows it, and where a token is no text, its own name for the user raises again.
        self.set_header("Content-Type", "text/plain")
        self.finish(f"{status_code} {self._reason}\n")

    def on_connection_close(self) -> None:
        """Give up a server that does not answer, when the client has."""
        if self._server is not None:
            with contextlib.suppress(OSError):  # not connected yet, or no longer
                self._server.shutdown(socket.SHUT_RDWR)

    async def _connect(self, server: socket.socket, listener: Listener) -> None:
        """Connect, and make sure that what accepted is the lab server that was found before."""
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(server, listener.address)
        if await asyncio.to_thread(find_lab_server, listener.address.port) != listener:
            raise HTTPError(HTTPStatus.BAD_GATEWAY, reason=NOBODY)

    def _request(self, address: Address) -> bytes:
        fields = {"Host": f"localhost:{address.port}", "Connection": "Upgrade", "Upgrade": "websocket"}
        fields |= {name: self.request.headers[name] for name in ASKED if name in self.request.headers}
        lines = ["GET / HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _reply(self, answer: ResponseHead) -> None:
        self.set_status(answer.status, answer.phrase)
        for name in ANSWERED:
            if answer.fields.has(name):
                self.set_header(name, answer.fields.get(name))
        if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self.set_header("Upgrade", "websocket")
            self.set_header("Connection", "Upgrade")
        self.finish()


async def ask(
    server: socket.socket, request: bytes, *, within_s: float = ANSWER_WITHIN_S
) -> tuple[ResponseHead, bytes]:
    """Send an opening handshake; return the head of the answer, and what came behind it.

    Raises:
        HeadError: what answers is no HTTP, or its head goes beyond a bound. OSError: it ended, or was too late.
    """
    loop = asyncio.get_running_loop()
    received = b""
    async with asyncio.timeout(within_s):
        await loop.sock_sendall(server, request)
        while (answer := read_response(received)) is None:
            chunk = await loop.sock_recv(server, CHUNK_BYTES)
            if not chunk:
                raise ConnectionError("it ended without an answer")
            received += chunk
    return answer, received[answer.head_bytes :]
