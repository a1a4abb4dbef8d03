"""Netty and what is built on it, and Pekko: Gatling, Akka."""

from __future__ import annotations

from wslab.captures.texts.phrase import WHY_REJECTED, Phrase

_NETTY = (
    "netty/netty@0bb88a3e061f77355627e7fd7fc170ffdada7578:"
    "codec-http/src/main/java/io/netty/handler/codec/http/websocketx/"
)
_PEKKO = "apache/pekko-http@de0c3e1913e79adc5bfe24ab4e3685e389438de9:http-core/src/main/scala/org/apache/pekko/http/"
_GATLING = (
    "gatling/gatling@8bb193bdf5d0f54cf803dcbc3c6846306c38c202:"
    "gatling-http/src/main/scala/io/gatling/http/action/ws/fsm/"
)

PHRASES = (
    Phrase(
        "Netty",
        r"(?P<reason>Max frame length of (?P<limit>\d+) has been exceeded)",
        "Netty closes with 1009: a frame was longer than `maxFramePayloadLength` (65,536 where nobody set it).",
        "which side runs Netty: as the reason of a close frame these are the words of the side that sent it",
        "io.netty.handler.codec.http.websocketx.CorruptedWebSocketFrameException: Max frame length of 65536 has been exceeded.",
        f"{_NETTY}WebSocket08FrameDecoder.java",
        told_by="assumed",
        close_code=1009,
    ),
    Phrase(
        "Netty",
        r"Invalid handshake response getStatus: (?P<status>\d{3})",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        "io.netty.handler.codec.http.websocketx.WebSocketClientHandshakeException: Invalid handshake response getStatus: 403 Forbidden",
        f"{_NETTY}WebSocketClientHandshaker13.java",
        speaker="client",
    ),
    Phrase(
        "Netty",
        r"WebSocket(?:Client|Server)?HandshakeException: handshake timed out",
        "The opening handshake was not complete within `handshakeTimeoutMillis` (10 s where nobody set it).",
        "whether the other side was silent, or something between them held it back",
        "io.netty.handler.codec.http.websocketx.WebSocketClientHandshakeException: handshake timed out",
        f"{_NETTY}WebSocketClientProtocolHandshakeHandler.java",
    ),
    Phrase(
        "Pekko or Akka",
        r"Peer closed connection with code (?P<code>\d{4}) '(?P<reason>[^']*)",
        "The other side closed with this close frame; codes that are errors fail the stream.",
        "",
        "PeerClosedConnectionException: Peer closed connection with code 1011 'internal error'",
        f"{_PEKKO}scaladsl/model/ws/PeerClosedConnectionException.scala",
        told_by="received",
    ),
    Phrase(
        "Pekko or Akka",
        r"HTTP idle-timeout encountered\b.*?(?:no bytes passed in the last (?P<reason>\d+ \w+))?",
        "This side ended TCP: no byte had passed for its `idle-timeout` (60 s where nobody set it). The other side sees 1006.",
        "whether the connection was merely silent (then `periodic-keep-alive-max-idle` helps) or the network gone",
        "HttpIdleTimeoutException: HTTP idle-timeout encountered, no bytes passed in the last 60 seconds. This is configurable "
        "by pekko.http.[server|client].idle-timeout.",
        f"{_PEKKO}impl/engine/HttpConnectionIdleTimeoutBidi.scala",
        told_by="assumed",
        close_code=1006,
    ),
    Phrase(
        "Pekko or Akka",
        r"WebSocket decompressed message exceeds configured maximum allocation",
        "This side closed with 1002: inflated, the message was over its own `max-allocation` (256 KiB where nobody set it).",
        "the limit and the size",
        "ProtocolException: WebSocket decompressed message exceeds configured maximum allocation",
        f"{_PEKKO}impl/engine/ws/PerMessageDeflate.scala",
        told_by="sent",
        close_code=1002,
    ),
    Phrase(
        "Gatling",
        r"WebSocket (?:remotely|was forcefully) closed \((?P<code>\d{4})/(?P<reason>[^)]*)\)",
        "The server closed with this code, as far as Gatling's client was told.",
        "whether the code and reason are the server's own words or those of a proxy",
        "WebSocket was forcefully closed (1001/going away) by the server while in Idle state",
        f"{_GATLING}WsIdleState.scala",
        speaker="client",
        told_by="received",
    ),
    Phrase(
        "Gatling",
        r"WebSocket crashed (?:by the server while in|while waiting for check)",
        "The connection ended in an error, or was closed, while a check still waited for a message.",
        "the code, if there was one: the debug log of `io.gatling.http.action.ws` holds it",
        "WebSocket crashed while waiting for check: Connection reset by peer",
        f"{_GATLING}WsPerformingCheckState.scala",
        speaker="client",
    ),
)
