"""When real clients come back: the default delays of well-known libraries, and the codes after which they try.

Read from their sources at the commit that each `source` names, and held against the libraries themselves in
`tests/net/client/test_libraries.py`; versions move. Only what happens after an *open* connection was lost is told here,
and neither timeouts of an attempt nor a client's own options. Where a library has a handshake of its own over the
WebSocket (socket.io, centrifuge, graphql-ws, SignalR), a connection counts as open after that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from random import Random

from wslab.core.codes.sources import Source
from wslab.core.policies.policy import any_code, as_policy, at_most


def _source(repository: str, commit: str, path: str) -> Source:
    return Source(f"{repository} {path}", f"https://github.com/{repository}/blob/{commit}/{path}")


@as_policy(
    formula="0, then U(0, 5), then min(90, 3.1 × 1.618ⁿ)",
    source=_source(
        "python-websockets/websockets", "04e599ca3caad2c5bb3fa8eaf24066fd270e90a7", "src/websockets/client.py"
    ),
    retries=any_code,
)
def websockets(rng: Random) -> Iterator[float]:
    """`async for connection in connect(…)` of Python's websockets: at once, and only then with a delay."""
    yield 0.0
    yield rng.uniform(0, 5)
    delay_s = 3.1
    while delay_s < 90:
        yield delay_s
        delay_s *= 1.618
    yield from repeat(90.0)


@as_policy(
    formula="min(10, first × 1.3ⁿ), first = U(1, 5)",
    source=_source(
        "pladaria/reconnecting-websocket", "05a2f7cb0e31f15dff5ff35ad53d07b1bec5e197", "reconnecting-websocket.ts"
    ),
    retries=any_code,
    min_uptime_s=5.0,
)
def reconnecting_websocket(rng: Random) -> Iterator[float]:
    """reconnecting-websocket: one draw, then growth. It draws once a page load, here once an outage."""
    delay_s = rng.uniform(1, 5)
    while True:
        yield delay_s
        delay_s = at_most(delay_s * 1.3, 10)


@as_policy(
    formula="min(10, 3 × 1.3ⁿ)",
    source=_source("cloudflare/partykit", "c9ab55f31c01540b54fab6b1f64fb5f857d76d10", "packages/partysocket/src/ws.ts"),
    retries=any_code,
    min_uptime_s=5.0,
)
def partysocket(rng: Random) -> Iterator[float]:
    """Partysocket 1.3.0: no jitter, and any code unless its `shouldReconnectOnClose` says otherwise."""
    delay_s = 3.0
    while True:
        yield delay_s
        delay_s = min(10, delay_s * 1.3)


@as_policy(
    formula="min(5, 2ⁿ × (1 ± U/2)), U uniform in [0, 1): minus where its first decimal is even",
    source=_source(
        "socketio/socket.io",
        "b2cf3f72fd3bdf2d00dc13d35bd0a34afbca0d6e",
        "packages/socket.io-client/lib/contrib/backo2.ts",
    ),
    retries=any_code,
)
def socket_io(rng: Random) -> Iterator[float]:
    """socket.io-client: half more or half less, cut at 5 s afterwards, so that most of a herd ends up in step."""
    delay_s = 1.0
    while True:
        draw = rng.random()
        sign = draw * 10 // 1 % 2 * 2 - 1
        yield at_most(delay_s * (1 + sign * draw / 2), 5)
        delay_s = min(delay_s * 2, 10)  # from 10 s on the cut hides all growth: even the least draw is over 5 s


def _centrifuge_retries(close_code: int) -> bool:
    return close_code != 1009 and not 3500 <= close_code <= 3999 and not 4500 <= close_code <= 4999


@as_policy(
    formula="min(20, 0.5 + U(0, min(20, 0.5 × 2ⁿ)))",
    source=_source("centrifugal/centrifuge-js", "c9e867858f703ef7e0b4c68e77004b36b3490214", "src/utils.ts"),
    retries=_centrifuge_retries,
)
def centrifuge_js(rng: Random) -> Iterator[float]:
    """centrifuge-js: full jitter over a minimum; 1009 and its own terminal codes are final."""
    ceiling_s = 0.5
    while True:
        yield at_most(0.5 + rng.uniform(0, ceiling_s), 20)
        ceiling_s = min(20, ceiling_s * 2)


def _phoenix_retries(close_code: int) -> bool:
    return close_code != 1000


@as_policy(
    formula="0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2, then 5",
    source=_source(
        "phoenixframework/phoenix", "167c46950cf53aef363d672687cc653267c20aa6", "assets/js/phoenix/socket.js"
    ),
    retries=_phoenix_retries,
)
def phoenix_js(rng: Random) -> Iterator[float]:
    """phoenix.js to 1.8.15: fixed steps, nine of them within five seconds; not after 1000, which 1.8.16 retries too."""
    yield from (0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.0)
    yield from repeat(5.0)


_GRAPHQL_WS_FATAL = frozenset({4004, 4005, 4400, 4401, 4406, 4409, 4429, 4500})
_GRAPHQL_WS_RETRIED = frozenset({1000, 1001, 1005, 1006, 1012, 1013, 1014})


def _graphql_ws_retries(close_code: int) -> bool:
    if 1000 <= close_code <= 1999:
        return close_code in _GRAPHQL_WS_RETRIED
    return close_code not in _GRAPHQL_WS_FATAL


@as_policy(
    formula="2ⁿ + U(0.3, 3), five times",
    source=_source("enisdenjo/graphql-ws", "af4f5c9df60d6b73667d7d90ad1b1c851d22b482", "src/client.ts"),
    retries=_graphql_ws_retries,
)
def graphql_ws(rng: Random) -> Iterator[float]:
    """graphql-ws with a subscription waiting: five tries, while attempts end in closures: one that is refused is final.

    Of the protocol's own codes seven are retried.
    """
    for delay_s in (1, 2, 4, 8, 16):
        yield delay_s + rng.uniform(0.3, 3)


@as_policy(
    formula="0, 2, 10, 30, then no more",
    source=_source(
        "dotnet/aspnetcore",
        "280f4a4f3cf6a9db6e041b9b39d6b0835fc33217",
        "src/SignalR/clients/ts/signalr/src/DefaultReconnectPolicy.ts",
    ),
    retries=any_code,
)
def signalr(rng: Random) -> Iterator[float]:
    """SignalR's TypeScript client `withAutomaticReconnect()`: four tries, counted, whatever the code."""
    yield from (0.0, 2.0, 10.0, 30.0)


@as_policy(
    formula="reconnect_s",
    source=_source("websocket-client/websocket-client", "v1.9.0", "websocket/_dispatcher.py"),
    retries=any_code,
)
def websocket_client(rng: Random, *, reconnect_s: float = 5.0) -> Iterator[float]:
    """Python's websocket-client with `run_forever(reconnect=5)`: always as long, whatever the code."""
    yield from repeat(reconnect_s)


CLIENTS = (
    websockets,
    websocket_client,
    reconnecting_websocket,
    partysocket,
    socket_io,
    centrifuge_js,
    phoenix_js,
    graphql_ws,
    signalr,
)
