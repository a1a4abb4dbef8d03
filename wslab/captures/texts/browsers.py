"""The console of a browser: Chromium (Chrome, Edge), Firefox, Safari."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, WHY_REJECTED, Phrase

_CHROMIUM = (
    "chromium/chromium@1b71b4f7de66e34a08fe8269701ce8a2ce24965d:"
    "third_party/blink/renderer/modules/websockets/websocket_channel_impl.cc"
)
_CHANNEL = "chromium/chromium@fde75b19bd1588f83520d0e187282097390a41d2:net/websockets/websocket_channel.cc"
_STREAM = "chromium/chromium@b412b3667604dc9a71f4b73bc4143787153ff57e:net/websockets/websocket_stream.cc"
_FIREFOX = (
    "mozilla/gecko-dev@020ce4b8e6aad44c800895727117756fe3c4936f:"
    "browser/locales/en-US/chrome/overrides/appstrings.properties"
)
_WEBKIT = "WebKit/WebKit@06dcb620a8a96ca6674eb2914d92e35c630d85b2:Source/WebKit/WebProcess/Network/WebSocketChannel.cpp"

PHRASES = (
    Phrase(
        "Chromium",
        r"Error during WebSocket handshake: Unexpected response code: (?P<status>\d{3})",
        "The opening handshake was answered with another status than 101. The page is told 1006 and nothing more.",
        WHY_REJECTED,
        "WebSocket connection to 'ws://127.0.0.1:9/' failed: Error during WebSocket handshake: Unexpected response "
        "code: 503",
        _STREAM,
        speaker="client",
    ),
    Phrase(
        "Chromium",
        r"Error in connection establishment: net::(?P<reason>ERR_\w+)",
        "There was no connection: the name of the error says where it failed. The page is told 1006 and nothing more.",
        "whether the server is down, or the browser, a proxy or a certificate stands between",
        "WebSocket connection to 'ws://127.0.0.1:9/' failed: Error in connection establishment: "
        "net::ERR_CONNECTION_REFUSED",
        _STREAM,
        speaker="client",
    ),
    Phrase(
        "Chromium",
        r"Error during WebSocket handshake: (?P<reason>.+)",
        "The answer to the opening handshake was none that a client may take.",
        "whether a proxy between changed it",
        "WebSocket connection to 'ws://127.0.0.1:9/' failed: Error during WebSocket handshake: 'Upgrade' header is missing",
        _STREAM,
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        "Chromium",
        r"failed: Connection closed before receiving a handshake response",
        "TCP ended before the opening handshake was answered.",
        "whether the server, or a proxy in front of it, ended it",
        "WebSocket connection to 'ws://127.0.0.1:9/' failed: Connection closed before receiving a handshake response",
        _STREAM,
        speaker="client",
    ),
    Phrase(
        "Chromium",
        r"failed: (?P<reason>(?:A server must not mask|One or more reserved bits|Could not decode a text frame|"
        r"Invalid frame header|Received (?:a broken|unexpected|start of new|an? )|Unrecognized frame opcode|"
        r"Data frame received after close|Reserved).*)",
        "The browser closed: the server broke the protocol in this way. The page is told 1006 and nothing more.",
        "whether the server or a proxy made these bytes: capture them",
        "WebSocket connection to 'ws://127.0.0.1:9/' failed: Invalid frame header",
        _CHANNEL,
        speaker="client",
        told_by="assumed",
        close_code=1006,
        closed_by="speaker",
    ),
    Phrase(
        "Chromium",
        r"WebSocket is already in CLOSING or CLOSED state",
        "The page sent on a connection that was closed already; what it sent is lost.",
        "why it had been closed: look at the `close` event",
        "WebSocket is already in CLOSING or CLOSED state.",
        _CHROMIUM,
        speaker="client",
    ),
    Phrase(
        "a browser",
        r"WebSocket is closed before the connection is established",
        "The page itself called `close()`, or was left, before the handshake was over.",
        "",
        "WebSocket connection to 'wss://host/' failed: WebSocket is closed before the connection is established.",
        _CHROMIUM,
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        "Firefox",
        r"Firefox can[’']t establish a connection to the server at (?:ws|wss)://",
        "The opening handshake failed: no TCP connection, or an answer other than 101. The page is told 1006 alone.",
        "which of these: Firefox's console does not say; look at the request in its network panel",
        "Firefox can’t establish a connection to the server at wss://host/feed.",
        _FIREFOX,
        speaker="client",
    ),
    Phrase(
        "Firefox",
        r"The connection to (?:ws|wss)://\S+ was interrupted while the page was loading",
        "An open connection ended without a close frame, or because the page was left or reloaded.",
        NO_FRAME,
        "The connection to wss://host/feed was interrupted while the page was loading.",
        _FIREFOX,
        speaker="client",
        told_by="assumed",
        close_code=1006,
    ),
    Phrase(
        "Safari",
        r"WebSocket connection to '[^']*' failed: (?:The operation couldn[’']t be completed\. )?"
        r"(?P<reason>Socket is not connected|The network connection was lost\.?|Connection reset by peer|"
        r"There was a bad response from the server\.?)",
        "The connection failed or ended below WebSocket; the words are the operating system's.",
        NO_FRAME,
        "WebSocket connection to 'wss://host/feed' failed: The operation couldn’t be completed. Socket is not connected",
        _WEBKIT,
        speaker="client",
        told_by="assumed",
        close_code=1006,
    ),
    Phrase(
        "Safari",
        r"WebSocket network error: Network process crashed",
        "The browser's own network process died.",
        "",
        "WebSocket connection to 'wss://host/' failed: WebSocket network error: Network process crashed.",
        _WEBKIT,
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        "a browser",
        r"WebSocket connection to '[^']*' failed:\s*(?P<reason>.*)",
        "The connection could not be opened, or failed. The page is told 1006 and nothing more.",
        NO_FRAME,
        "WebSocket connection to 'wss://host/feed' failed: ",
        _CHROMIUM,
        speaker="client",
        told_by="assumed",
        close_code=1006,
    ),
)
