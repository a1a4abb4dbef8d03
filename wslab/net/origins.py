"""Which pages may use what listens on this machine: any site's page can reach loopback, and a rebound name too.

A browser names its page in Origin with every WebSocket, and with a plain GET of the same origin it does not: then Host
is the name that the page used. Programs send no Origin.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from wslab.core.routes import is_loopback
from wslab.net.heads import Fields

LOOPBACK_ORIGIN = re.compile(r"https?://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
"""A page that comes from this machine itself."""


def why_foreign(fields: Fields, *, origins: Collection[str], host: str) -> str | None:
    """Return why a request comes from a page that may not make it; None if it does not.

    Args:
        origins: pages that may, beside those from this machine. host: a name by which it may be called, beside those of
            this machine: a program may say whom it means in the end.
    """
    if fields.has("Origin"):
        origin = fields.get("Origin")
        is_known = origin in origins or LOOPBACK_ORIGIN.fullmatch(origin)
        return None if is_known else f"a page of {origin} may not come here: name it with origins=[…] if it may"
    if "websocket" in fields.options("Upgrade"):
        return None
    try:
        called = urlsplit(f"//{fields.get('Host')}").hostname or ""
    except ValueError:
        called = fields.get("Host")
    if is_loopback(called) or called == host.lower():
        return None
    return f"nobody is called {called!r} here: use 127.0.0.1"
