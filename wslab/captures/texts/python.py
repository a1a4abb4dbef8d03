"""Python: websockets, aiohttp."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, WHICH_LIMIT, WHO_FIRST, WHY_REJECTED, Phrase

_WEBSOCKETS = "python-websockets/websockets@04e599ca3caad2c5bb3fa8eaf24066fd270e90a7:src/websockets/exceptions.py"
_AIOHTTP = "aio-libs/aiohttp@495e778360d1924da63e16dba0f0d76baf56a56a:aiohttp/"
_TOO_BIG = r"frame (?:with (?P<size>\d+) bytes? )?(?:after reading \d+ bytes? )?exceeds limit of (?P<limit>\d+) bytes"
_NAME = (
    r"(?:OK|going away|protocol error|unsupported data|invalid frame payload data|policy violation|message too big|"
    r"mandatory extension|internal error|service restart|try again later|bad gateway|registered|private use)"
)
"""What websockets calls a code: they tell half a message of its from "received 4000 (boxes)"."""

_PROTOCOL = "python-websockets/websockets@62795d1a370858bdd3c43e092d273ed8953c2b59:src/websockets/protocol.py"

PHRASES = (
    Phrase(
        "websockets",
        rf"received (?P<code>1009) \([^)]*\) (?P<reason>.*?{_TOO_BIG})",
        "The other side closed with 1009: a message was over its limit, which its reason names.",
        WHICH_LIMIT,
        "websockets.exceptions.ConnectionClosedError: received 1009 (message too big) frame with 70000 bytes exceeds "
        "limit of 65536 bytes; then sent 1009 (message too big) frame with 70000 bytes exceeds limit of 65536 bytes",
        _WEBSOCKETS,
        told_by="received",
    ),
    Phrase(
        "websockets",
        rf"sent (?P<code>1009) \([^)]*\) (?P<reason>.*?{_TOO_BIG})",
        "This side itself closed with 1009: what came was over its own limit (`max_size`).",
        "",
        "websockets.exceptions.ConnectionClosedError: sent 1009 (message too big) frame with 5000 bytes exceeds limit of "
        "100 bytes; no close frame received",
        _WEBSOCKETS,
        told_by="sent",
    ),
    Phrase(
        "websockets",
        r"sent (?P<code>1011) \(internal error\) (?P<reason>keepalive ping timeout)",
        "This side gave up: its keepalive ping was not answered within `ping_timeout`.",
        "whether the network was cut, the other side stopped, or a large message kept the pong waiting",
        "websockets.exceptions.ConnectionClosedError: sent 1011 (internal error) keepalive ping timeout; no close frame "
        "received",
        _WEBSOCKETS,
        told_by="sent",
    ),
    Phrase(
        "websockets",
        r"received (?P<code>\d{4}) \([^)]*\) ?(?P<reason>[^;]*?); (?:then sent|no close frame sent)",
        "The other side closed first, with this close frame.",
        "",
        "received 1012 (service restart) service restart; then sent 1012 (service restart) service restart",
        _WEBSOCKETS,
        told_by="received",
    ),
    Phrase(
        "websockets",
        r"sent (?P<code>\d{4}) \([^)]*\) ?(?P<reason>[^;]*?); (?:then received|no close frame received)",
        "This side closed first, with this close frame.",
        "",
        "sent 1000 (OK); then received 1000 (OK)",
        _WEBSOCKETS,
        told_by="sent",
    ),
    Phrase(
        "websockets",
        rf"\breceived (?P<code>\d{{4}}) \({_NAME}\) ?(?P<reason>[^;]*)$",
        "A close frame with this code came from the other side.",
        WHO_FIRST,
        "received 1009 (message too big)",
        _WEBSOCKETS,
        told_by="received",
    ),
    Phrase(
        "websockets",
        rf"\bsent (?P<code>\d{{4}}) \({_NAME}\) ?(?P<reason>[^;]*)$",
        "This side sent a close frame with this code.",
        WHO_FIRST,
        "sent 1009 (message too big)",
        _WEBSOCKETS,
        told_by="sent",
    ),
    Phrase(
        "websockets",
        r"no close frame received or sent",
        "TCP ended without a close frame: 1006.",
        NO_FRAME,
        "websockets.exceptions.ConnectionClosedError: no close frame received or sent",
        _WEBSOCKETS,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
    Phrase(
        "websockets",
        r"server rejected WebSocket connection: HTTP (?P<status>\d{3})",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 403",
        _WEBSOCKETS,
        speaker="client",
    ),
    Phrase(
        "websockets",
        r"did not receive a valid HTTP (?:response|request)",
        "What came in place of the opening handshake was no HTTP/1.1 that websockets reads.",
        "what it was; HTTP/1.0 is such an answer too",
        "websockets.exceptions.InvalidMessage: did not receive a valid HTTP response",
        _WEBSOCKETS,
    ),
    Phrase(
        "websockets",
        r"(?:websockets\.(?:client|server|protocol):?|DEBUG.*:) ?< CLOSE (?P<code>\d{4}) \([^)]*\) ?(?P<reason>.*?) \[\d+ bytes?\]",
        "A close frame with this code came from the other side.",
        WHO_FIRST,
        "DEBUG:websockets.client:< CLOSE 1012 (service restart) service restart [17 bytes]",
        _PROTOCOL,
        told_by="received",
    ),
    Phrase(
        "websockets",
        r"(?:websockets\.(?:client|server|protocol):?|DEBUG.*:) ?> CLOSE (?P<code>\d{4}) \([^)]*\) ?(?P<reason>.*?) \[\d+ bytes?\]",
        "This side sent a close frame with this code.",
        WHO_FIRST,
        "DEBUG:websockets.server:> CLOSE 1009 (message too big) [2 bytes]",
        _PROTOCOL,
        told_by="sent",
    ),
    Phrase(
        "aiohttp",
        r"WSMsgType\.CLOSE: 8>, data=(?P<code>\d{4}), extra='?(?P<reason>[^')]*)",
        "The other side closed, with this close frame.",
        "",
        "WSMessage(type=<WSMsgType.CLOSE: 8>, data=1009, extra='frame with 70000 bytes exceeds limit of 65536 bytes')",
        f"{_AIOHTTP}_websocket/models.py",
        told_by="received",
    ),
    Phrase(
        "aiohttp",
        r"MESSAGE_TOO_BIG: (?P<code>1009)>, '(?P<reason>Message size (?P<size>\d+) exceeds limit (?P<limit>\d+))",
        "This side itself refused what came: it was over its own limit (`max_msg_size`), and 1009 was sent.",
        "",
        "WebSocketError(<WSCloseCode.MESSAGE_TOO_BIG: 1009>, 'Message size 5000 exceeds limit 100')",
        f"{_AIOHTTP}_websocket/reader_py.py",
        told_by="sent",
    ),
    Phrase(
        "aiohttp",
        r"(?:Decompressed message exceeds size limit|exceeds limit) (?P<limit>\d+)",
        "This side itself refused what came: inflated, it was over its own limit (`max_msg_size`), and 1009 was sent.",
        "",
        "WebSocketError: Decompressed message exceeds size limit 4194304",
        f"{_AIOHTTP}_websocket/reader_py.py",
        told_by="sent",
        close_code=1009,
    ),
    Phrase(
        "aiohttp",
        r"WebSocketError\(<WSCloseCode\.\w+: (?P<code>\d{4})>, '(?P<reason>[^']*)",
        "This side closed: the other broke the protocol in this way, and was sent this code.",
        "whether the other side or a proxy made these bytes: capture them",
        "data=WebSocketError(<WSCloseCode.PROTOCOL_ERROR: 1002>, 'Unexpected opcode=3')",
        f"{_AIOHTTP}_websocket/reader_py.py",
        told_by="sent",
    ),
    Phrase(
        "aiohttp",
        r"No PONG received after [\d.]+ seconds",
        "This side gave up: its heartbeat was not answered in time. No close frame was sent; its code is 1006.",
        "whether the network was cut, the other side stopped, or a large message kept the pong waiting",
        "ServerTimeoutError('No PONG received after 0.3 seconds')",
        f"{_AIOHTTP}client_ws.py",
        told_by="assumed",
        close_code=1006,
        closed_by="speaker",
        speaker="client",
    ),
    Phrase(
        "aiohttp",
        r"WSMsgType\.CLOSED: 257>, data=None",
        "TCP ended without a close frame, or this side had closed before.",
        NO_FRAME,
        "WSMessage(type=<WSMsgType.CLOSED: 257>, data=None, extra=None)",
        f"{_AIOHTTP}_websocket/models.py",
        told_by="assumed",
        close_code=1006,
    ),
    Phrase(
        "aiohttp",
        r"WSServerHandshakeError: (?P<status>\d{3}), message='Invalid response status'",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        "aiohttp.client_exceptions.WSServerHandshakeError: 503, message='Invalid response status', url='ws://host/'",
        f"{_AIOHTTP}client.py",
        speaker="client",
    ),
    Phrase(
        "aiohttp",
        r"ClientConnectorError: Cannot connect to host ",
        "There was no TCP connection.",
        "whether the server is down, the name is wrong, or something between refuses",
        "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host 127.0.0.1:9 ssl:default "
        "[Connect call failed ('127.0.0.1', 9)]",
        f"{_AIOHTTP}client_exceptions.py",
        speaker="client",
    ),
)
