""".NET, Erlang, Apple and Dart: System.Net.WebSockets, SignalR, Cowboy, Gun, URLSession, Starscream, dart:io."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, WHY_REJECTED, Phrase

_DOTNET = (
    "dotnet/runtime@661a31c698d2a90df76e72c09f967cdeeba97026:"
    "src/libraries/System.Net.WebSockets/src/Resources/Strings.resx"
)
_SIGNALR = (
    "dotnet/aspnetcore@2ef1838afbb2958938aec662450633c35ab811c4:src/SignalR/clients/ts/signalr/src/HubConnection.ts"
)
_SIGNALR_SERVER = (
    "dotnet/aspnetcore@bf884ebc758a8ca4e6d99efdeba223dcf0e38d6c:src/SignalR/server/Core/src/HubConnectionHandler.cs"
)
_COWBOY = "ninenines/cowboy@5c8535f409aa2fd49deb355e8ee43d5c06eb1c90:src/cowboy_websocket.erl"
_GUN = "ninenines/gun@4b8ed819632d62a804d5d69aa15495d5c97ff489:doc/src/manual/"
_SIGNALR_TRANSPORT = "dotnet/aspnetcore@9c542c98a235343297e24974878e5ef6ec59b8f2:src/SignalR/clients/ts/signalr/src/WebSocketTransport.ts"
_STARSCREAM = "daltoniam/Starscream@c6bfd1af48efcc9a9ad203665db12375ba6b145a:Sources/"
_DART = "dart-lang/sdk@bc8606c34ea0c6a14770efb8ae69a630715a0ef9:sdk/lib/_http/websocket_impl.dart"
_APPLE = "https://developer.apple.com/documentation/foundation/urlsessionwebsockettask"

PHRASES = (
    Phrase(
        ".NET",
        r"The remote party closed the WebSocket connection without completing the close handshake",
        "TCP ended without a close frame.",
        NO_FRAME,
        "System.Net.WebSockets.WebSocketException (0x80004005): The remote party closed the WebSocket connection without "
        "completing the close handshake.",
        _DOTNET,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
    Phrase(
        ".NET",
        r"The server returned status code '(?P<status>\d{3})' when status code '101' was expected",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        "The server returned status code '503' when status code '101' was expected.",
        _DOTNET,
        speaker="client",
    ),
    Phrase(
        ".NET",
        r"The WebSocket is in an invalid state \('(?P<reason>\w+)'\) for this operation",
        "The program went on using a connection that was not open any more.",
        "why it had been closed: look at `CloseStatus`",
        "The WebSocket is in an invalid state ('Aborted') for this operation. Valid states are: 'Open, CloseReceived'",
        _DOTNET,
    ),
    Phrase(
        "SignalR",
        r"The maximum message size of (?P<limit>\d+)B was exceeded",
        "SignalR refused a message of the client: it was over `MaximumReceiveMessageSize` (32 KiB where nobody set it), and the connection is ended.",
        "the size of the message, and the close code: SignalR tells the end in a message of its own",
        "System.IO.InvalidDataException: The maximum message size of 32768B was exceeded. The message size can be configured in AddHubOptions.",
        _SIGNALR_SERVER,
        speaker="server",
        closed_by="speaker",
    ),
    Phrase(
        "SignalR",
        r"Server timeout(?: \([\d.]+ms\))? elapsed without receiving a message from the server",
        "The client gave up: the server said nothing for `serverTimeout` (30 s where nobody set it), not even a ping.",
        "whether the network was cut, the server stopped, or a proxy between held its messages back",
        "Error: Server timeout elapsed without receiving a message from the server.",
        _SIGNALR,
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        "SignalR",
        r"WebSocket closed with status code: (?P<code>\d{4}) \((?P<reason>(?!no reason given|undefined)[^)]*)?",
        "The client's WebSocket was closed with this code, and not cleanly or not with 1000.",
        f"where the code is 1006, {NO_FRAME}",
        "Error: WebSocket closed with status code: 1006 (no reason given).",
        _SIGNALR_TRANSPORT,
        speaker="client",
        told_by="assumed",
    ),
    Phrase(
        "Gun",
        r"\{gun_ws,.*?\{close, ?(?P<code>\d{4}), ?<<\"(?P<reason>[^\"]*)",
        "The server sent this close frame.",
        "whether it answers one of the client's own",
        '{gun_ws,<0.200.0>,#Ref<0.1.2.3>,{close,1001,<<"going away">>}}',
        f"{_GUN}gun_ws.asciidoc",
        speaker="client",
        told_by="received",
    ),
    Phrase(
        "Gun",
        r"\{gun_down, ?<[\d.]+>, ?ws, ?(?P<reason>closed|normal|\{error, ?\w+\})",
        "The connection is down: TCP has ended. Gun reconnects by itself, and opens no WebSocket by itself.",
        "whether a close frame came: then a `gun_ws` message before it holds it",
        "{gun_down,<0.200.0>,ws,closed,[]}",
        f"{_GUN}gun_down.asciidoc",
        speaker="client",
    ),
    Phrase(
        "Cowboy or WebSockex",
        r"\{:?remote, ?(?P<code>\d{4}), ?(?:<<)?\"?(?P<reason>[^\">}]*)",
        "The other side closed, with this close frame.",
        "",
        'terminating with reason {remote,1001,<<"going away">>}',
        _COWBOY,
        told_by="received",
    ),
    Phrase(
        "URLSession",
        r"NSPOSIXErrorDomain Code=40\b|NSPOSIXErrorDomain error 40\b",
        "This side itself refused what came: it was over `maximumMessageSize` (1 MiB where nobody set it).",
        "the size, and whether a close frame was sent",
        'Error Domain=NSPOSIXErrorDomain Code=40 "Message too long"',
        f"{_APPLE}/maximummessagesize",
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        "URLSession",
        r"NSPOSIXErrorDomain Code=57\b|NSPOSIXErrorDomain error 57\b",
        "The program used a connection that had ended, or never was.",
        NO_FRAME,
        'Error Domain=NSPOSIXErrorDomain Code=57 "Socket is not connected"',
        _APPLE,
        speaker="client",
        told_by="assumed",
        close_code=1006,
    ),
    Phrase(
        "Starscream",
        r"WSError\(type: (?:Starscream\.)?(?:ErrorType)?\.protocolError, message: \"(?P<reason>[^\"]*)\", code: (?P<code>\d{4})\)",
        "This side gave up: the server broke the protocol in this way.",
        "which bytes they were: capture them",
        'WSError(type: Starscream.ErrorType.protocolError, message: "not valid UTF-8 data", code: 1007)',
        f"{_STARSCREAM}Framer/FrameCollector.swift",
        speaker="client",
        told_by="assumed",
    ),
    Phrase(
        "Starscream",
        r"\bnotAnUpgrade\((?P<status>\d{3}),",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        'notAnUpgrade(403, ["Server": "nginx"])',
        f"{_STARSCREAM}Framer/HTTPHandler.swift",
        speaker="client",
    ),
    Phrase(
        "Dart",
        r"WebSocketException: Connection to '[^']*' was not upgraded to websocket(?:, HTTP status code: (?P<status>\d{3}))?",
        "The opening handshake was answered with another status than 101, or without its Upgrade.",
        WHY_REJECTED,
        "WebSocketException: Connection to 'https://host.example/feed#' was not upgraded to websocket",
        _DART,
        speaker="client",
    ),
)
