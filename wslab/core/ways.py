"""Ways to a target other than its URL's host: another address, a Unix socket, a proxy."""

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
    """Raise BadValueError unless `path` is a socket."""
    if not path.is_socket():
        what = "is not a socket" if path.exists() else "does not exist"
        raise BadValueError(f"unix_socket is {str(path)!r}, which {what}; give the path that the server listens at")


def check_proxy(proxy: str) -> None:
    """Raise BadValueError unless this is the URL of a supported proxy."""
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
    """Read `address` or `address:port`; an IPv6 address with a port needs brackets.

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
            f"resolve is {resolve!r}, but must be an IP address, with :port if that differs too, such as "
            "127.0.0.1:8443 or [::1]:8443"
        ) from None
    assert found is not None
    chosen = int(found["port6"] or found["port4"] or port)
    check_whole("the port of resolve", chosen, low=1, high=65_535, unit="(a TCP port)")
    return address, chosen
