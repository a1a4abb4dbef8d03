"""Frameworks with a protocol of their own over the WebSocket: Action Cable, Phoenix, Ratchet, OpenResty and Kong."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, Phrase

_CABLE = "rails/rails@2a2db1e8d6d104ee0611efcae7eb023af65cff34:actioncable/"
_PHOENIX = "phoenixframework/phoenix@167c46950cf53aef363d672687cc653267c20aa6:assets/js/phoenix/socket.js"
_RATCHET = "ratchetphp/RFC6455@00df37843e1f6f532905d864972c8173ec97244c:src/Messaging/MessageBuffer.php"
_RESTY = "openresty/lua-resty-websocket@3aef1aa8e3fb74acf5bf77fb644d54835c3db1f6:lib/resty/websocket/protocol.lua"

PHRASES = (
    Phrase(
        "Action Cable",
        r"\"type\": ?\"disconnect\".*?\"reason\": ?\"(?P<reason>server_restart)\"",
        "The server restarts: Action Cable says so in a message of its own, and then closes.",
        "the close code, which the close frame after it holds",
        '{"type":"disconnect","reason":"server_restart","reconnect":true}',
        f"{_CABLE}lib/action_cable/server/base.rb",
        speaker="server",
        closed_by="speaker",
    ),
    Phrase(
        "Action Cable",
        r"\"type\": ?\"disconnect\".*?\"reason\": ?\"(?P<reason>unauthorized|invalid_request|remote)\"",
        "The server ends the connection for this reason: Action Cable says so in a message of its own, and then closes.",
        "the close code, which the close frame after it holds",
        '{"type":"disconnect","reason":"unauthorized","reconnect":false}',
        f"{_CABLE}lib/action_cable/connection/base.rb",
        speaker="server",
        closed_by="speaker",
    ),
    Phrase(
        "Action Cable",
        r"ConnectionMonitor detected stale connection",
        "The client gave up: the server's pings stayed away for longer than `staleThreshold` (6 s: two of them).",
        "whether the network was cut, the server stopped, or a proxy between held its messages back",
        "ConnectionMonitor detected stale connection. reconnectAttempts = 0, time stale = 6.5 s, stale threshold = 6 s",
        f"{_CABLE}app/javascript/action_cable/connection_monitor.js",
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        "Phoenix",
        r"\b(?P<reason>heartbeat timeout)\. Attempting to re-establish connection",
        "The client gave up and closed with 1000: its heartbeat was not answered within `heartbeatIntervalMs` "
        "(30 s where nobody set it).",
        "whether the network was cut, the server stopped, or the page slept",
        "transport: heartbeat timeout. Attempting to re-establish connection",
        _PHOENIX,
        speaker="client",
        told_by="sent",
        close_code=1000,
        closed_by="speaker",
    ),
    Phrase(
        "Ratchet",
        r"(?P<reason>Maximum (?:frame|message) size exceeded)",
        "Ratchet closes with 1009: a frame or a message was over its limit (`maxFramePayloadSize`, `maxMessagePayloadSize`).",
        "which side runs Ratchet: as the reason of a close frame these are the words of the side that sent it",
        "close 1009 Maximum message size exceeded",
        _RATCHET,
        told_by="assumed",
        close_code=1009,
    ),
    Phrase(
        "OpenResty or Kong",
        r"exceeding max payload len",
        "This side itself refused what came: a frame was over `max_payload_len` (65,535 bytes where nobody set it).",
        "which side was refused, the size, and whether a close frame was sent: lua-resty-websocket leaves that to its user",
        "failed to receive frame: exceeding max payload len",
        _RESTY,
        told_by="assumed",
        close_code=1009,
    ),
    Phrase(
        "OpenResty or Kong",
        r"failed to (?:receive the first 2 bytes|read masking-len and payload): (?P<reason>\w[\w ]*)",
        "No whole frame came: TCP had ended (`closed`), or nothing came for the socket's timeout (`timeout`).",
        NO_FRAME,
        "failed to receive the first 2 bytes: closed",
        _RESTY,
    ),
)
