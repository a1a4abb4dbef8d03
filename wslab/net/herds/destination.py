"""Where a herd connects to, and from which addresses: a URL resolved once, and refused if it leads elsewhere."""

from __future__ import annotations

import ipaddress
import socket
from typing import Self
from urllib.parse import urlsplit

import msgspec

from wslab.core.arguments import check_url
from wslab.core.errors import BadValueError
from wslab.net import machine


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A server's address and what its opening handshake names; `sources` are taken in turn, none is the system's."""

    host: str
    port: int
    authority: str
    resource: str
    sources: list[str]

    @classmethod
    def of(cls, url: str, clients: int, *, allow_remote: bool = False) -> Self:
        """Resolve `url` for so many clients.

        Raises:
            ValueError: it is no WebSocket URL, wants TLS, cannot be resolved, or leads to another machine and
                `allow_remote` does not say that it may: thousands of clients at once are an attack there.
        """
        check_url(url)
        parts = urlsplit(url)
        if parts.scheme != "ws":
            raise BadValueError(f"url is {url!r}, but a herd speaks no TLS; give the ws:// address behind it")
        assert parts.hostname is not None
        port = parts.port or 80
        try:
            host = str(socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)[0][4][0])
        except OSError as error:
            raise BadValueError(f"url is {url!r}, whose host cannot be resolved: {error.strerror}") from None
        local = ipaddress.ip_address(host).is_loopback
        if not local and not allow_remote:
            raise BadValueError(
                f"url is {url!r}, which leads to another machine, {host}; a herd stays on this one, "
                "or say allow_remote=True if that server is yours to load"
            )
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(
            host=host,
            port=port,
            authority=parts.netloc.rpartition("@")[2],
            resource=resource,
            sources=machine.sources(host, clients) if local else [],
        )

    def new_socket(self, client: int) -> socket.socket:
        """Return a socket for this client, not yet connected; its source is its own in turn."""
        sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        sock.setblocking(False)
        if self.sources:
            # Leave the choice of the port to connect(), which knows that it need be free for this server only.
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((self.sources[client % len(self.sources)], 0))
        return sock
