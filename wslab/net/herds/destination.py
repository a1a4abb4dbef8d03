"""Where a herd connects to, and from which addresses: a URL resolved once, and refused if it leads elsewhere."""

from __future__ import annotations

import ipaddress
import socket
from typing import Self
from urllib.parse import urlsplit

import msgspec

from wslab.core.errors import BadValueError, in_words
from wslab.core.permission import is_allowed
from wslab.core.target import CLIENT, Target, as_target
from wslab.net import machine


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A server's address and what its opening handshake says; `sources` are taken in turn, none is the system's.

    `fields` are of the handshake, where `{client}` stands for a client's number.
    """

    host: str
    port: int
    authority: str
    resource: str
    sources: list[str]
    fields: dict[str, str] = {}

    @classmethod
    def of(cls, target: Target | str, clients: int, *, allow_remote: bool = False) -> Self:
        """Resolve a target for so many clients.

        Raises:
            BadValueError: it wants what a herd has not, cannot be resolved, or leads to another machine, and neither
                `allow_remote` nor the target says that it may: thousands of clients at once are an attack there.
        """
        target = as_target(target)
        _check(target)
        wanted, port = target.address
        shown = target.shown_url
        try:
            host = str(socket.getaddrinfo(wanted, port, type=socket.SOCK_STREAM)[0][4][0])
        except OSError as error:
            words = in_words(error, named=False)
            raise BadValueError(f"url is {shown!r}, whose host cannot be resolved: {words}") from None
        local = ipaddress.ip_address(host).is_loopback
        if not local and not allow_remote and not is_allowed(target.host, target.allow_hosts):
            raise BadValueError(
                f"url is {shown!r}, which leads to another machine, {host}; a herd stays on this one, "
                "or say allow_remote=True if that server is yours to load"
            )
        parts = urlsplit(target.sent_url)
        return cls(
            host=host,
            port=port,
            authority=parts.netloc.rpartition("@")[2],
            resource=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            sources=machine.sources(host, clients) if local else [],
            fields=target.fields(None) if {"headers", "cookies", "token", "origin"} & {*target.described()} else {},
        )

    def fields_of(self, client: int) -> dict[str, str]:
        """Return what this client's handshake says besides."""
        return {name: value.replace(CLIENT, str(client)) for name, value in self.fields.items()}

    def new_socket(self, client: int) -> socket.socket:
        """Return a socket for this client, not yet connected; its source is its own in turn."""
        sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        sock.setblocking(False)
        if self.sources:
            # Leave the choice of the port to connect(), which knows that it need be free for this server only.
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((self.sources[client % len(self.sources)], 0))
        return sock


def _check(target: Target) -> None:
    """Raise BadValueError where a target wants what a herd's clients, which take a few bytes each, have not."""
    shown = target.shown_url
    if target.secure:
        raise BadValueError(f"url is {shown!r}, but a herd speaks no TLS; give the ws:// address behind it")
    wanted = [name for name in ("proxy", "unix_socket", "greeting", "answers", "subprotocols") if getattr(target, name)]
    if wanted or urlsplit(target.sent_url).username is not None:
        what = " and ".join(wanted) or "user info"
        raise BadValueError(f"the target has {what}, which a herd's clients have not; watch has them, for 60 clients")
