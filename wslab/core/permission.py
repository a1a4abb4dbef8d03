"""Which servers may be probed: this machine's, and those that the user names.

An experiment sends messages that a server does not want. Someone else's server needs their consent. Only the user can
know about that, so nothing is inferred: the host must be named.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from wslab.core.errors import BadTypeError, BadValueError

_PARTS_OF_4 = {1: 32, 2: 24, 3: 16, 4: 8}
"""Number of parts of an IPv4 address → bits of the last part (inet_aton): 127.1 is 127.0.0.1."""


def is_this_machine(host: str) -> bool:
    """Whether a host, or the host of a URL, is a loopback address or localhost (RFC 6761 §6.3); nothing is looked up.

    >>> [is_this_machine(host) for host in ("127.1", "::ffff:127.0.0.1", "wss://app.localhost/", "example.org")]
    [True, True, True, False]
    """
    host = (urlsplit(host).hostname or "") if "://" in host else host.strip("[]").lower()
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and (address.is_loopback or address.is_unspecified)


def check_permission(host: str, allow_hosts: Collection[str]) -> None:
    """Raise BadValueError unless `host` is this machine or is named in `allow_hosts`.

    Nothing is sent, not even a DNS query.

    >>> check_permission("example.org", [])
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: example.org is not this machine, and an experiment sends a server what it does \
not want. If you may do that there, say so: allow_hosts=['example.org'], on the command line --i-may-probe example.org
    """
    check_hosts(allow_hosts)
    if not is_this_machine(host) and not is_allowed(host, allow_hosts):
        raise BadValueError(
            f"{host} is not this machine, and an experiment sends a server what it does not want. "
            f"If you may do that there, say so: allow_hosts=[{host!r}], on the command line --i-may-probe {host}"
        )


def is_allowed(host: str, allow_hosts: Collection[str]) -> bool:
    """Whether `allow_hosts` names the host; case and brackets do not matter."""
    return host.strip("[]").rstrip(".").lower() in {name.strip("[]").rstrip(".").lower() for name in allow_hosts}


def check_hosts(allow_hosts: Collection[str]) -> None:
    """Raise BadTypeError unless this is a collection of host names, and not a single string."""
    if isinstance(allow_hosts, str) or not all(isinstance(name, str) for name in allow_hosts):
        raise BadTypeError(f"allow_hosts is {allow_hosts!r}, but must be a list of host names")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return _short_address(host)


def _short_address(host: str) -> ipaddress.IPv4Address | None:
    """Read an IPv4 address as the system's resolver does, with fewer parts, octal or hexadecimal numbers."""
    try:
        parts = [int(part, _base(part)) for part in host.split(".")]
        bits = _PARTS_OF_4[len(parts)]
    except (ValueError, IndexError, KeyError):
        return None
    if any(part > 255 for part in parts[:-1]) or parts[-1] >= 2**bits:
        return None
    value = parts[-1]
    for place, part in enumerate(parts[:-1]):
        value += part << (24 - 8 * place)
    return ipaddress.IPv4Address(value)


def _base(number: str) -> int:
    return 16 if number[:2].lower() == "0x" else 8 if number[:1] == "0" else 10
