"""Go: gorilla/websocket, coder/websocket."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, WHO_FIRST, WHY_REJECTED, Phrase

_GORILLA = "gorilla/websocket@e064f32e3674d9d79a8fd417b5bc06fa5c6cad8f:"
_CODER = "coder/websocket@9c8faadccd1b679e811a79ce506f8a10237251ad:"

PHRASES = (
    Phrase(
        "gorilla/websocket",
        r"websocket: close (?P<code>1006) \(abnormal closure\)(?:: (?P<reason>.*))?",
        "TCP ended without a close frame; the library made 1006 up.",
        NO_FRAME,
        "websocket: close 1006 (abnormal closure): unexpected EOF",
        f"{_GORILLA}conn.go",
        told_by="assumed",
        closed_by="network",
    ),
    Phrase(
        "gorilla/websocket",
        r"websocket: close (?P<code>\d{4})(?: \([^)]*\))?(?:: (?P<reason>.*))?",
        "A close frame with this code came from the other side.",
        WHO_FIRST,
        "websocket: close 1009 (message too big): too much",
        f"{_GORILLA}conn.go",
        told_by="received",
    ),
    Phrase(
        "gorilla/websocket",
        r"websocket: read limit exceeded",
        "This side itself refused what came: it was over its own limit (`SetReadLimit`), and 1009 was sent.",
        "the limit and the size",
        "websocket: read limit exceeded",
        f"{_GORILLA}conn.go",
        told_by="sent",
        close_code=1009,
    ),
    Phrase(
        "gorilla/websocket",
        r"websocket: bad handshake",
        "The opening handshake was answered with another status than 101, or by no WebSocket server.",
        "the status: it is in the response that `Dial` returns beside the error",
        "websocket: bad handshake",
        f"{_GORILLA}client.go",
        speaker="client",
    ),
    Phrase(
        "gorilla/websocket",
        r"websocket: request origin not allowed",
        "The server answered 403: the page's origin is not one that `CheckOrigin` lets in.",
        "",
        "websocket: request origin not allowed by Upgrader.CheckOrigin",
        f"{_GORILLA}server.go",
        speaker="server",
        closed_by="speaker",
    ),
    Phrase(
        "gorilla/websocket",
        r"websocket: close sent",
        "The program wrote after this side had sent its close frame.",
        "why it had been sent",
        "websocket: close sent",
        f"{_GORILLA}conn.go",
        told_by="sent",
    ),
    Phrase(
        "coder/websocket",
        r"(?:message too big: )?read limited at (?P<limit>\d+) bytes",
        "This side itself refused what came: it was over its own limit (`SetReadLimit`), and 1009 was sent.",
        "the size of the message",
        "failed to read: websocket: message too big: read limited at 32769 bytes",
        f"{_CODER}read.go",
        told_by="sent",
        close_code=1009,
    ),
    Phrase(
        "coder/websocket",
        r"(?:received close frame: )?status = (?:Status(?P<name>[A-Z]\w+)|StatusCode\((?P<code>\d+)\)) "
        r"and reason = \"(?P<reason>[^\"]*)",
        "A close frame came from the other side; its status is named by coder's name for it.",
        WHO_FIRST,
        'failed to get reader: received close frame: status = StatusMessageTooBig and reason = "too big"',
        f"{_CODER}close.go",
        told_by="received",
    ),
    Phrase(
        "coder/websocket",
        r"expected handshake response status code 101 but got (?P<status>\d{3})",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        "failed to WebSocket dial: expected handshake response status code 101 but got 403",
        f"{_CODER}dial.go",
        speaker="client",
    ),
    Phrase(
        "coder/websocket",
        r"failed to (?:read frame header|get reader: failed to read frame header): (?:unexpected )?EOF",
        "TCP ended without a close frame.",
        NO_FRAME,
        "failed to get reader: failed to read frame header: EOF",
        f"{_CODER}read.go",
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
)
