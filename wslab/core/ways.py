"""How TCP gets to a target otherwise than by its URL: another address, a Unix socket, a proxy."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from wslab.core.arguments import check_whole
from wslab.core.errors import BadValueError
from wslab.core.secrets import masked_url

PROXY_SCHEMES = ("http", "socks5", "socks5h", "socks4", "socks4a")

_ADDRESS = re.compile(
    r"\[(?P<bracketed>[^\]]+)\](:(?P<port6>\d{1,6}))?|(?P<v4>[^:]+)(:(?P<port4>\d{1,6}))?|(?P<v6>[0-9A-Fa-f:.]+)"
)


def check_unix_socket(path: Path) -> None:
    """Raise BadValueError unless a socket lies at `path`."""
    if not path.is_socket():
        what = "is no socket" if path.exists() else "does not exist"
        raise BadValueError(f"unix_socket is {str(path)!r}, which {what}; give the path that the server listens at")


def check_proxy(proxy: str) -> None:
    """Raise BadValueError unless this is the URL of a proxy that can be spoken to."""
    try:
        parts = urlsplit(proxy)
        host = parts.hostname if parts.port is None or parts.port else None
    except ValueError:
        host = None
    if not host or parts.scheme not in PROXY_SCHEMES:
        raise BadValueError(
            f"proxy is {masked_url(proxy)!r}, but must be SCHEME://HOST:PORT with one of {', '.join(PROXY_SCHEMES)}"
        )


def override(resolve: str, port: int) -> tuple[str, int]:
    """Read `address` or `address:port`; brackets are those of an IPv6 address with a port.

    Raises:
        BadValueError: it is neither.

    >>> override("127.0.0.1:8443", 443), override("::1", 443), override("[::1]:80", 443)
    (('127.0.0.1', 8443), ('::1', 443), ('::1', 80))
    """
    found = _ADDRESS.fullmatch(resolve)
    address = (found["bracketed"] or found["v4"] or found["v6"]) if found else ""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise BadValueError(
            f"resolve is {resolve!r}, but must be an IP address, with :port if it is another one, as 127.0.0.1:8443 "
            "or [::1]:8443"
        ) from None
    assert found is not None
    chosen = int(found["port6"] or found["port4"] or port)
    check_whole("the port of resolve", chosen, low=1, high=65_535, unit="(a port of TCP)")
    return address, chosen
