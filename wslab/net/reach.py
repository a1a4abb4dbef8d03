"""From a target to a connected socket: by its address, another address, a Unix socket or a proxy; and the request to
send.

The socket connects only to what the user permitted, whatever a name resolves to; see `Target.check_permission`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from websockets.headers import build_authorization_basic, build_host
from websockets.uri import parse_uri

from wslab.core.errors import MissingPackageError, WslabError, in_words
from wslab.core.permission import is_this_machine
from wslab.core.secrets import expand, masked_url
from wslab.core.target import Target

AddressInfo = tuple[Any, Any, int, str, Any]
"""Family, type, protocol, canonical name and address, as returned by `getaddrinfo`."""


class ProxyError(WslabError, ConnectionError):
    """The proxy does not answer, or does not reach the server; the message quotes it."""


async def resolve(target: Target) -> list[AddressInfo]:
    """Return the addresses of the target's host, for all its connections; an empty list if a proxy looks it up.

    A name of this machine has only addresses of this machine, whatever the resolver says.

    Raises:
        OSError: the host has no address.
    """
    if target.proxy is not None or target.unix_socket is not None:
        return []
    host, port = target.address
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, f"{host} is not a host name") from error
    if target.is_this_machine:
        found = [info for info in found if is_this_machine(str(info[4][0]))]
    if not found:
        raise OSError(errno.EADDRNOTAVAIL, f"{host} has no address on this machine")
    return [*found]


async def connect(
    target: Target,
    addresses: Sequence[AddressInfo] | None = None,
    *,
    source: str | None = None,
    send_buffer_bytes: int | None = None,
) -> socket.socket:
    """Return a non-blocking socket, connected to the target; TLS, if any, is up to the caller.

    Args:
        addresses: from `resolve`. None: call it.
        source: address to connect from. None: the system's choice.
        send_buffer_bytes: approximate size of the kernel's send buffer. None: its choice.

    Raises:
        OSError: no address can be reached; the error is that of the last one.
        MissingPackageError: the target has a proxy, and python-socks is not installed.
    """
    if target.proxy is not None:
        return _held_back(await _through_proxy(target, expand(target.proxy)), send_buffer_bytes)
    if target.unix_socket is not None:
        return await _connected(_held_back(socket.socket(socket.AF_UNIX), send_buffer_bytes), str(target.unix_socket))
    for left, (family, _, protocol, _, address) in reversed([*enumerate(reversed(addresses or await resolve(target)))]):
        try:
            sock = _held_back(socket.socket(family, socket.SOCK_STREAM, protocol), send_buffer_bytes)
            return await _connected(sock, address, source)
        except OSError:
            if left == 0:
                raise
    raise OSError(errno.EADDRNOTAVAIL, f"{target.host} has no address")


def _held_back(sock: socket.socket, send_buffer_bytes: int | None) -> socket.socket:
    if send_buffer_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    return sock


def asked(target: Target, client: int | None = 0) -> tuple[str, str, dict[str, str]]:
    """Return authority, resource and further fields of an opening handshake, for callers that encode it themselves.

    Args:
        client: of a herd; None leaves `{client}` in place.
    """
    uri = parse_uri(target.sent_url)
    fields = target.fields(client)
    if uri.user_info is not None:
        fields.setdefault("Authorization", build_authorization_basic(*uri.user_info))
    if target.subprotocols:
        fields["Sec-WebSocket-Protocol"] = ", ".join(target.subprotocols)
    own_host = next((fields.pop(name) for name in [*fields] if name.lower() == "host"), None)
    return own_host or build_host(uri.host, uri.port, uri.secure), uri.resource_name, fields


async def _connected(sock: socket.socket, address: Any, source: str | None = None) -> socket.socket:
    sock.setblocking(False)
    try:
        if source is not None:
            sock.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(sock, address)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


async def _through_proxy(target: Target, url: str) -> socket.socket:
    try:
        import python_socks
        from python_socks.async_.asyncio import Proxy
    except ImportError:
        raise MissingPackageError("a proxy needs python-socks: pip install 'wslab[proxy]'") from None
    parts = urlsplit(url)
    kind = "HTTP" if parts.scheme == "http" else parts.scheme[:6].upper()
    proxy = Proxy(
        getattr(python_socks.ProxyType, kind),
        parts.hostname or "",
        parts.port or (3128 if kind == "HTTP" else 1080),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        rdns=parts.scheme not in ("socks5", "socks4"),
    )
    try:
        return await proxy.connect(*target.address, timeout=target.open_timeout_s)
    except (python_socks.ProxyError, python_socks.ProxyConnectionError, python_socks.ProxyTimeoutError) as error:
        raise ProxyError(f"the proxy {masked_url(url)} does not connect: {in_words(error, named=False)}") from error
