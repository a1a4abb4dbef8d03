"""The headers that a user adds to the opening handshake: are they valid, and which cookies belong to a URL?"""

from __future__ import annotations

import http.cookiejar
import importlib.metadata
import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from wslab.core.errors import BadTypeError, BadValueError, in_words

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_OURS = re.compile(r"(host|upgrade|connection|sec-websocket-.*)", re.IGNORECASE)


def check_header(name: str, value: str) -> None:
    """Raise BadValueError, which does not show the value, unless a request may have this header."""
    if not _TOKEN.fullmatch(name):
        raise BadValueError(f"headers holds {name!r}, which is not a header name (RFC 9110 §5.1)")
    if "\n" in value or "\r" in value:
        raise BadValueError(f"the value of header {name} holds a line break, which would end it; take it out")
    if not value.isprintable() or not value.isascii():
        raise BadValueError(f"the value of header {name} is not printable ASCII; encode it as the server expects")
    if _OURS.fullmatch(name):
        raise BadValueError(f"headers holds {name!r}, which the opening handshake sets itself; see also subprotocols")


def check_subprotocols(subprotocols: Sequence[str]) -> None:
    """Raise BadTypeError or BadValueError unless these are subprotocol names."""
    if isinstance(subprotocols, str):
        raise BadTypeError(f"subprotocols is {subprotocols!r}, but must be a list of names")
    for name in subprotocols:
        if not _TOKEN.fullmatch(name):
            raise BadValueError(f"subprotocols holds {name!r}, which is not a token (RFC 6455 §4.1); leave out spaces")


def cookies_for(path: Path, url: str) -> str:
    """Return the Cookie header for a WebSocket URL from a cookie file; empty if the file has no cookie for it.

    Raises:
        BadValueError: `path` cannot be read as a cookie file.
    """
    jar = http.cookiejar.MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, http.cookiejar.LoadError, UnicodeDecodeError) as error:
        raise BadValueError(
            f"cookies is {str(path)!r}, which is not a cookie file: {in_words(error, named=False)}; "
            "export it in the Netscape format, as curl --cookie-jar writes it"
        ) from None
    for cookie in jar:
        cookie.expires = cookie.expires or None  # curl writes 0 for session cookies
    jar.clear_expired_cookies()
    request = urllib.request.Request(url.replace("ws", "http", 1))
    jar.add_cookie_header(request)
    return request.get_header("Cookie", "")


def own_user_agent() -> str:
    """Return the User-Agent of a target that names none."""
    try:
        return f"wslab/{importlib.metadata.version('wslab')}"
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "wslab"
