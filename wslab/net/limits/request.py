"""What to probe, with what, and with whose permission: checked at the call, before anything is sent."""

from __future__ import annotations

import importlib.metadata
import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from websockets.exceptions import InvalidURI
from websockets.uri import parse_uri

from wslab.core.arguments import check_number, check_url, check_whole
from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.limits.search import DEFAULT_CAP_BYTES
from wslab.net.limits.opening import Target
from wslab.net.limits.permission import Bounds, bounds_for, check_permission

MAX_CAP_BYTES = 2**30
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_OURS = re.compile(r"(host|upgrade|connection|sec-websocket-.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest:
    """The arguments of `find_limit`.

    Fields:
        url: ws:// or wss://.
        cap_bytes: try no larger message than this plus one byte, 2 to 1,073,741,824.
        configured_bytes: the limit that the server is said to have, 1 to `cap_bytes`: it is tried first, and
            compared with what is found. None: not known.
        subprotocols: to offer, the preferred one first.
        greeting: a text message to send first on each connection, for servers that want one.
        filler: the one ASCII character that messages consist of; "4" makes each an engine.io message.
        headers: added to the opening handshake; a User-Agent or Origin here replaces ours.
        allow_hosts: hosts other than this machine that the caller may probe.
        ssl_context: for wss://. None: certificates are checked against the system's authorities.
        timeout_s: for TCP, TLS and opening handshake each, 0.1 to 60.
        hold_s: how long a server that has refused a message may take to end TCP, 0.1 to 60; longer is "hold".

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the host is neither this machine nor allowed.
    """

    url: str
    cap_bytes: int = DEFAULT_CAP_BYTES
    configured_bytes: int | None = None
    subprotocols: Sequence[str] = ()
    greeting: str | None = None
    filler: str = "a"
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_hosts: Collection[str] = ()
    ssl_context: ssl.SSLContext | None = None
    timeout_s: float = 5.0
    hold_s: float = 2.0

    def __post_init__(self) -> None:
        check_url(self.url)
        try:
            parse_uri(self.url)
        except (InvalidURI, UnicodeError) as error:
            raise BadValueError(f"url is {self.url!r}, which websockets does not take: {error}") from None
        check_permission(self.url, self.allow_hosts)
        check_whole("cap_bytes", self.cap_bytes, low=2, high=MAX_CAP_BYTES, unit="bytes")
        check_whole(
            "configured_bytes",
            self.configured_bytes,
            low=1,
            high=self.cap_bytes,
            unit="bytes",
            hint="raise cap_bytes to look further",
            optional=True,
        )
        check_number("timeout_s", self.timeout_s, low=0.1, high=60, unit="seconds")
        check_number("hold_s", self.hold_s, low=0.1, high=60, unit="seconds")
        self._check_words()

    def _check_words(self) -> None:
        if not (isinstance(self.filler, str) and len(self.filler) == 1 and self.filler.isascii()):
            raise BadValueError(
                f"filler is {self.filler!r}, but must be one ASCII character, which fills every message"
            )
        if isinstance(self.subprotocols, str):
            raise BadTypeError(f"subprotocols is {self.subprotocols!r}, but must be a list of names")
        for name in self.subprotocols:
            if not _TOKEN.fullmatch(name):
                raise BadValueError(f"subprotocols holds {name!r}, which is no token (RFC 6455 §4.1); leave out spaces")
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
                raise BadValueError(
                    f"headers holds {name!r}: {value!r}, which is no HTTP header; keep to printable ASCII"
                )
            if _OURS.fullmatch(name):
                raise BadValueError(
                    f"headers holds {name!r}, which the opening handshake sets; see subprotocols for one"
                )

    @property
    def bounds(self) -> Bounds:
        return bounds_for(self.url, self.cap_bytes)

    @property
    def target(self) -> Target:
        return Target(
            url=self.url,
            subprotocols=self.subprotocols,
            headers=self.headers,
            user_agent=_user_agent(),
            ssl_context=self.ssl_context,
            timeout_s=self.timeout_s,
            bytes_per_s=self.bounds.bytes_per_s,
        )


def _user_agent() -> str:
    try:
        version = importlib.metadata.version("wslab")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
        version = "unknown"
    return f"wslab/{version} (WebSocket limit probe)"
