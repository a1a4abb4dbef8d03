"""Clouds: AWS API Gateway, Cloudflare and its Workers."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, Phrase

_AWS = (
    "awslabs/aws-lambda-rust-runtime@641cc164a83eb5cb73e34287f03835154d78a07e:"
    "lambda-events/src/fixtures/example-apigw-websocket-request-disconnect-route.json"
)
_CLOUDFLARE = (
    "cloudflare/cloudflare-docs@04e05ca80113cce940a067e5c7467d72c454faf3:src/content/docs/network/websockets.mdx"
)
_LOGPUSH = "https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/websocket_analytics/"
_KJ = "capnproto/capnproto@2c2709587d32475ff6b9e88385f460f45249a064:c++/src/kj/compat/http.c++"

PHRASES = (
    Phrase(
        "AWS API Gateway",
        r"disconnectStatusCode\W{1,4}(?P<code>\d{4})(?:.*?disconnectReason\W{1,4}(?P<reason>[^'\"]*))?",
        "API Gateway tells the $disconnect route this code: the client's where it sent one, else one of its own; "
        "1001 is its idle timeout of 10 minutes or its longest life of 2 hours, 1009 a message over 128 KB.",
        "whether the client or the gateway closed, where the code may be of either",
        '"disconnectStatusCode": 1005, "routeKey": "$disconnect", "disconnectReason": "Client-side close frame status not set"',
        _AWS,
        speaker="proxy",
        told_by="assumed",
    ),
    Phrase(
        "AWS API Gateway",
        r"\bGoneException\b",
        "The backend wrote to a connection that is gone: 410. That is how it learns of the end.",
        "why it ended: the $disconnect route is told, or the client",
        "An error occurred (GoneException) when calling the PostToConnection operation",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html",
        speaker="server",
    ),
    Phrase(
        "Cloudflare",
        r"(?i)(?:cloudflare|cf-ray)\b.{0,120}?\b(?:error |status |code )?(?P<status>52[0-6]|530)\b|"
        r"\berror code: (?:52[0-6]|1\d{3})(?!\d)",
        "Cloudflare answered the opening handshake itself: it did not reach the server, or the server did not answer.",
        "which: 521 refused, 522 no connection in time, 523 no route, 524 no answer in time, 525 and 526 TLS",
        "error code: 522",
        "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/",
        speaker="proxy",
    ),
    Phrase(
        "Cloudflare",
        r"(?i)cloudflare.{0,80}(?:terminat|restart)\w*.{0,40}websocket",
        "Cloudflare ends WebSockets when it releases new code to its network.",
        NO_FRAME,
        "When Cloudflare releases new code to its global network, we may restart servers, which terminates WebSockets",
        _CLOUDFLARE,
        speaker="proxy",
    ),
    Phrase(
        "Cloudflare Workers",
        r"Message is too large: (?P<size>\d+) > (?P<limit>\d+)",
        "The Workers runtime closed with 1009: the message was over its limit.",
        "",
        "Message is too large: 33554433 > 33554432",
        _KJ,
        told_by="sent",
        close_code=1009,
    ),
    Phrase(
        "Cloudflare Workers",
        r"WebSocket disconnected between frames without sending `Close`",
        "TCP ended without a close frame.",
        NO_FRAME,
        "WebSocket disconnected between frames without sending `Close`.",
        _KJ,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
    Phrase(
        "Cloudflare",
        r"ConnectionCloseReason\W{1,4}timedOut",
        "Cloudflare's log says that the connection ended by a timeout.",
        "whose: `ConnectionCloseSource` beside it says upstream (the server), downstream (the client) or me (Cloudflare)",
        '"ConnectionCloseReason":"timedOut","ConnectionCloseSource":"me"',
        _LOGPUSH,
        speaker="proxy",
    ),
    Phrase(
        "Cloudflare",
        r"ConnectionCloseReason\W{1,4}(?P<reason>peerReset|upstreamReset)",
        "Cloudflare's log says that TCP was reset.",
        NO_FRAME,
        '"ConnectionCloseReason":"upstreamReset","ConnectionCloseSource":"upstream"',
        _LOGPUSH,
        speaker="proxy",
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
)
