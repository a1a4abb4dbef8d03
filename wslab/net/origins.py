"""Which pages may connect to this machine: any site's page can reach loopback, also through a rebound name.

A browser sends its page's Origin with every WebSocket, but not with a plain GET of the same origin; Host is then the
name that the page used. Programs send no Origin.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from wslab.core.routes import is_loopback
from wslab.net.heads import Fields

LOOPBACK_ORIGIN = re.compile(r"https?://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
"""The origin of a page served by this machine."""


def why_foreign(fields: Fields, *, origins: Collection[str], host: str) -> str | None:
    """Return why a request must be refused, as from a foreign page; None if it may pass.

    Args:
        origins: allowed pages, besides those of this machine. host: allowed in Host, besides this machine's names: a
            program may name the final destination.
    """
    if fields.has("Origin"):
        origin = fields.get("Origin")
        is_known = origin in origins or LOOPBACK_ORIGIN.fullmatch(origin)
        return None if is_known else f"pages of {origin} may not connect; to allow them, name them in origins=[…]"
    if "websocket" in fields.options("Upgrade"):
        return None
    try:
        called = urlsplit(f"//{fields.get('Host')}").hostname or ""
    except ValueError:
        called = fields.get("Host")
    if is_loopback(called) or called == host.lower():
        return None
    return f"the Host {called!r} is not this machine; use 127.0.0.1"
