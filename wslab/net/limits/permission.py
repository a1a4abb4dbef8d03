"""Whose server may be probed: this machine's; any other only where the user states that they may, and then gently.

A probe of a limit sends what a server does not want. On somebody else's server that needs their consent, which only
the user can know of, so nothing is inferred: the host must be named.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from wslab.core.errors import BadTypeError, BadValueError
from wslab.net.limits.tcp import AddressInfo


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a probe may take of a server.

    Fields:
        bytes_per_s: on average while sending. open_interval_s: from one opening of a connection to the next.
        max_sent_bytes, max_connections, max_elapsed_s: of the whole search, which ends when one is reached.
    """

    bytes_per_s: float
    open_interval_s: float
    max_sent_bytes: int
    max_connections: int
    max_elapsed_s: float

    @property
    def max_received_bytes(self) -> int:
        """An echo of everything, or some greetings, and as much again: more is a flood."""
        return 2 * max(self.max_sent_bytes, 2**20)


def bounds_for(url: str, cap_bytes: int) -> Bounds:
    """Return the bounds for this host: roomy on this machine, narrow on any other.

    >>> bounds_for("ws://example.org/", 2**20).open_interval_s > bounds_for("ws://[::1]/", 2**20).open_interval_s
    True
    """
    if is_this_machine(url):
        return Bounds(math.inf, 0.0, 32 * cap_bytes, 256, 300.0)
    return Bounds(4 * 2**20, 0.1, 4 * cap_bytes, 64, 300.0)


def check_permission(url: str, allow_hosts: Collection[str]) -> None:
    """Raise unless the URL's host is this machine or is named in `allow_hosts`.

    Raises:
        ValueError: it is neither; nothing has been sent, not even a DNS query.

    >>> check_permission("ws://example.org/", [])
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: url names example.org, which is not this machine: a probe sends it messages that \
it does not want. If you may do that, say so with allow_hosts=['example.org'], on the command line \
--i-may-probe example.org
    """
    if isinstance(allow_hosts, str):
        raise BadTypeError(f"allow_hosts is {allow_hosts!r}, but must be a list of host names")
    host = urlsplit(url).hostname or ""
    if not is_this_machine(url) and host not in {name.lower() for name in allow_hosts}:
        raise BadValueError(
            f"url names {host}, which is not this machine: a probe sends it messages that it does not want. "
            f"If you may do that, say so with allow_hosts=[{host!r}], on the command line --i-may-probe {host}"
        )


def is_this_machine(url: str) -> bool:
    """Whether the host is a loopback address or the name localhost (RFC 6761 §6.3); other names are not looked up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def permitted(addresses: Collection[AddressInfo], url: str) -> list[AddressInfo]:
    """Return the addresses that may be connected to: where the host is this machine, those that really are."""
    if not is_this_machine(url):
        return [*addresses]
    return [info for info in addresses if ipaddress.ip_address(info[4][0]).is_loopback]
