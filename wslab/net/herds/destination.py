"""Where a herd connects to, and from which addresses: a target, resolved once, and refused if it leads elsewhere."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from functools import lru_cache
from typing import Any, Self

import msgspec

from wslab.core.dialogues import Step
from wslab.core.errors import BadValueError, in_words
from wslab.core.permission import is_allowed
from wslab.core.secrets import expand
from wslab.core.target import CLIENT, Target, as_target
from wslab.core.trust import Trust
from wslab.net import machine, reach

MAX_SAID_BYTES = 8192
"""The bytes that a client may say in its greeting: each step is one call of send, and must fit into the send buffer."""


class AwaitsPeerError(BlockingIOError):
    """Nothing can be sent before something is received: the TLS handshake is under way."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A server's address, and what clients say there; `sources` are used in turn, an empty list is the system's choice.

    Fields:
        unix_socket: a path to connect to instead. trust: for TLS. None: no TLS. server_name: for TLS.
        fields: of the opening handshake. subprotocols: offered by it.
        greeting, answers: as in `Target`. In these texts and fields, `{client}` is replaced by the client's number.
    """

    host: str
    port: int
    authority: str
    resource: str
    sources: list[str]
    unix_socket: str | None = None
    trust: Trust | None = None
    server_name: str = ""
    fields: dict[str, str] = {}
    subprotocols: tuple[str, ...] = ()
    greeting: tuple[Step, ...] = ()
    answers: dict[str, str] = {}

    @classmethod
    def of(cls, target: Target | str, clients: int, *, allow_remote: bool = False) -> Self:
        """Resolve a target for `clients` clients.

        Raises:
            BadValueError: it uses a feature that herds lack, cannot be resolved, or leads to another machine although
                neither `allow_remote` nor the target allows it: thousands of clients at once would be an attack there.
        """
        target = as_target(target)
        _check(target)
        host, is_local = ("127.0.0.1", True) if target.unix_socket else _resolved(target, allow_remote=allow_remote)
        authority, resource, fields = reach.asked(target, None)
        return cls(
            host=host,
            port=target.address[1],
            unix_socket=None if target.unix_socket is None else str(target.unix_socket),
            authority=authority,
            resource=resource,
            sources=machine.sources(host, clients) if is_local and not target.unix_socket else [],
            trust=target.trust if target.secure else None,
            server_name=target.server_name,
            fields=fields if len(fields) > 1 or target.user_agent else {},  # not just for our own name
            subprotocols=tuple(target.subprotocols),
            greeting=tuple(Step(step.kind, expand(step.text)) for step in target.steps),
            answers=dict(target.answers),
        )

    @property
    def address(self) -> Any:
        return self.unix_socket or (self.host, self.port)

    @property
    def converses(self) -> bool:
        """Whether clients say or hear anything."""
        return bool(self.greeting or self.answers)

    def fields_of(self, client: int) -> dict[str, str]:
        """Return the further fields of this client's handshake."""
        return {name: value.replace(CLIENT, str(client)) for name, value in self.fields.items()}

    def new_socket(self, client: int) -> socket.socket:
        """Return a socket for this client, not yet connected, bound to the next source address."""
        if self.unix_socket is not None:
            sock = socket.socket(socket.AF_UNIX)
        else:
            sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        sock.setblocking(False)
        if self.sources:
            # Let connect() choose the port: it knows that the port need only be free for this server.
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((self.sources[client % len(self.sources)], 0))
        if self.trust is None:
            return sock
        context = _context(self.trust)
        return context.wrap_socket(sock, server_hostname=self.server_name or None, do_handshake_on_connect=False)


class EncryptedSocket(ssl.SSLSocket):
    """A TLS socket that raises BlockingIOError like a plain one when it must wait. The first `send` shakes hands."""

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except ssl.SSLWantReadError:
            raise AwaitsPeerError from None
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None


@lru_cache(maxsize=1)
def _context(trust: Trust) -> ssl.SSLContext:
    context = trust.context()
    context.sslsocket_class = EncryptedSocket
    return context


def _resolved(target: Target, *, allow_remote: bool) -> tuple[str, bool]:
    """Return the address of the target's host, and whether it is this machine's."""
    shown = target.shown_url
    wanted, port = target.address
    try:
        host = str(socket.getaddrinfo(wanted, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        words = in_words(error, named=False)
        raise BadValueError(f"url is {shown!r}, whose host cannot be resolved: {words}") from None
    is_local = ipaddress.ip_address(host).is_loopback
    if not is_local and not allow_remote and not is_allowed(target.host, target.allow_hosts):
        raise BadValueError(
            f"url is {shown!r}, which leads to another machine, {host}; a herd stays on this one unless you set "
            "allow_remote=True, if that server is yours to load"
        )
    return host, is_local


def _check(target: Target) -> None:
    """Raise BadValueError if a target uses a feature that a herd's small clients lack."""
    if target.proxy is not None:
        raise BadValueError(
            "the target has a proxy, which thousands of clients at once would measure instead of the server; connect "
            "the herd directly (resolve names the address), or use watch, which supports a proxy, for 60 clients"
        )
    said_bytes = sum(len(expand(step.text).encode()) for step in target.steps if step.kind == "say")
    if said_bytes > MAX_SAID_BYTES:
        raise BadValueError(
            f"the greeting says {said_bytes:,} bytes, but a herd's client may say at most {MAX_SAID_BYTES:,}; shorten "
            "it, or use watch for 60 clients"
        )
