"""From a target to a connected socket: by its addresses, another address, a Unix socket, or a proxy; and what to ask.

What the socket is connected to is what the user permitted, whatever a name resolves to; see `Target.check_permission`.
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
"""Family, kind, protocol, canonical name, address: as `getaddrinfo` returns them."""


class ProxyError(WslabError, ConnectionError):
    """The proxy does not answer, or does not lead to the server; the message holds its words."""


async def resolve(target: Target) -> list[AddressInfo]:
    """Return the addresses of the target's host, to be used for all its connections; none where a proxy looks it up.

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
        raise OSError(errno.EINVAL, f"{host} is no name of a host") from error
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
    """Return a non-blocking socket that is connected to the target; TLS, where it is wanted, is still to come.

    Args:
        addresses: what `resolve` returned; None: it is asked.
        source: address to connect from. None: the system's choice.
        send_buffer_bytes: what the kernel may hold back, about. None: its choice.

    Raises:
        OSError: nobody can be reached; the last address' error where there are several.
        MissingPackageError: a proxy is wanted, and python-socks is not installed.
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
    """Return authority, resource and further fields of an opening handshake, for who encodes it himself.

    Args:
        client: of a herd; None leaves `{client}` where it stands.
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
        raise MissingPackageError("a proxy is spoken to with python-socks: pip install 'wslab[proxy]'") from None
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
        raise ProxyError(f"the proxy {masked_url(url)} leads nowhere: {in_words(error, named=False)}") from error
