"""The routes from a page to a lab server, and what each does to close codes. A page tries them; this module judges.

>>> for route in routes("ws://127.0.0.1:8765/", page_url="https://hub/user/ada/lab", base_url="/user/ada/"):
...     print(route.url)
wss://hub/user/ada/wslab/8765/
wss://hub/user/ada/proxy/8765/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urljoin, urlsplit

import msgspec

from wslab.core.arguments import check_url
from wslab.core.errors import BadValueError
from wslab.core.records import Close

Way = Literal["direct", "wslab", "proxy"]
Outcome = Literal["direct", "preserved", "altered", "unreachable"]

BETWEEN = {
    "direct": "something between page and server",
    "wslab": "something in front of the Jupyter server",
    "proxy": "jupyter-server-proxy",
}
REMEDY = {
    "direct": "Look for a proxy or an inspecting program on this machine.",
    "wslab": "Look for a proxy in front of the Jupyter server that ends WebSockets itself.",
    "proxy": "wslab's own server extension preserves them: install wslab where the Jupyter server runs and restart the "
    "server; `jupyter server extension list` says whether wslab.jupyter is enabled.",
}
OBSTACLE = {
    "direct": "The server may be down, or the browser may not be on the server's machine.",
    "wslab": "The server may be down, or the Jupyter server's extension wslab.jupyter not enabled.",
    "proxy": "The server may be down, jupyter-server-proxy not installed, or the page's origin missing from the "
    "server's `origins`.",
}


class Route(msgspec.Struct, frozen=True):
    """One way from a page to a lab server: "direct", through wslab's server extension, or jupyter-server-"proxy"."""

    way: Way
    url: str


class CloseEvent(msgspec.Struct, frozen=True):
    """The close event of a page's WebSocket. `opened`: its `open` event had come before."""

    opened: bool
    code: int
    reason: str = ""


class RouteJudgement(msgspec.Struct, frozen=True):
    """What a route does to close codes.

    Fields:
        outcome: "direct" or "preserved": every code and reason arrived as sent, without or with an intermediary;
            "altered": one did not; "unreachable": a trial did not open, so nothing is known.
        explanation: the same in sentences, with what to do.
    """

    outcome: Outcome
    explanation: str


def routes(server_url: str, *, page_url: str, base_url: str = "/") -> tuple[Route, ...]:
    """Return the routes that a page may try, best first.

    If the server listens on loopback and the page comes from elsewhere, the direct route is omitted: the page's
    loopback is then the reader's own machine, on which another program might listen.

    Args:
        server_url: `LabServer.url`.
        page_url: the page's `location.href` or `location.origin`.
        base_url: Jupyter's, as in JupyterLab's PageConfig, such as "/user/ada/".

    Raises:
        ValueError: `server_url` is not a WebSocket URL, or `page_url` not an HTTP URL.
    """
    check_url(server_url)
    server, page = urlsplit(server_url), urlsplit(page_url)
    if page.scheme not in ("http", "https") or not page.hostname:
        raise BadValueError(f"page_url is {page_url!r}, but must be http:// or https:// with a host, as location.href")
    base = urljoin(page_url, base_url).rstrip("/").replace("http", "ws", 1)
    direct = is_loopback(page.hostname) or not is_loopback(server.hostname or "")
    return (
        *((Route("direct", server_url),) if direct else ()),
        Route("wslab", f"{base}/wslab/{server.port}/"),
        Route("proxy", f"{base}/proxy/{server.port}/"),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def judge(route: Route, trials: Sequence[tuple[Close, CloseEvent]]) -> RouteJudgement:
    """Judge a route, from the close frames that a server sent over it and the close events in the page.

    Use codes that no intermediary makes up, such as 1012 and 4000, each with a reason; 1005 stands for an empty close
    frame.

    Raises:
        ValueError: there are no trials.

    >>> judge(Route("proxy", "wss://hub/proxy/1/"), [(Close(code=1012, reason="a"), CloseEvent(True, 1005))]).outcome
    'altered'
    """
    if not trials:
        raise BadValueError("trials is empty, but a judgement needs at least one; close a connection with a known code")
    sent = _listed([close for close, _ in trials])
    if not all(event.opened for _, event in trials):
        return RouteJudgement(
            "unreachable",
            f"No connection opened through {route.url}; a page is never told why. {OBSTACLE[route.way]}",
        )
    if all((close.code, close.reason) == (event.code, event.reason) for close, event in trials):
        if route.way == "direct":
            return RouteJudgement("direct", f"The page reaches the server directly and is told what it says: {sent}.")
        return RouteJudgement("preserved", f"Through {route.url}, the page is told what the server says: {sent}.")
    told = _listed([event for _, event in trials])
    return RouteJudgement(
        "altered",
        f"The server said {sent}; the page was told {told}. On the way, {BETWEEN[route.way]} changes close codes or "
        f"reasons ({route.url}): this page is not told what the server says. {REMEDY[route.way]}",
    )


def _listed(ends: Sequence[Close | CloseEvent]) -> str:
    return ", ".join(f"{end.code} “{end.reason}”" if end.reason else f"{end.code}" for end in ends)
