"""Java and Kotlin: Tomcat, Spring, Jetty, OkHttp, Java-WebSocket."""

from __future__ import annotations

from wslab.captures.texts.phrase import NO_FRAME, WHO_FIRST, WHY_REJECTED, Phrase

_TOMCAT = (
    "apache/tomcat@84ac9af072d4c43ebb44ccc0ceba405ad0a84903:java/org/apache/tomcat/websocket/LocalStrings.properties"
)
_SPRING = (
    "spring-projects/spring-framework@91eb42645e26a7ef9382b4a655bcefe5c8682fee:"
    "spring-websocket/src/main/java/org/springframework/web/socket/"
)
_JETTY = (
    "jetty/jetty.project@acf33259281419d619d8e392e6f3b2d654bcc914:jetty-core/jetty-websocket/"
    "jetty-websocket-core-common/src/main/java/org/eclipse/jetty/websocket/core/"
)
_OKHTTP = (
    "square/okhttp@1682d9bac8c03dffde2969b0b74d47649d0dbb52:"
    "okhttp/src/commonJvmAndroid/kotlin/okhttp3/internal/ws/RealWebSocket.kt"
)
_JAVA = "TooTallNate/Java-WebSocket@afeacbf8c0f6f6a761c9d9daed8c813dd3b8ed7d:src/main/java/org/java_websocket/"

PHRASES = (
    Phrase(
        "Tomcat",
        r"The message was \[(?P<size>[\d,]+)\] bytes long but the MessageHandler has a limit of \[(?P<limit>[\d,]+)\]",
        "Tomcat closes with 1009: the message was over the endpoint's limit.",
        "",
        "The message was [70,000] bytes long but the MessageHandler has a limit of [8,192] bytes",
        _TOMCAT,
        speaker="server",
        told_by="sent",
        close_code=1009,
        closed_by="speaker",
    ),
    Phrase(
        "Tomcat",
        r"Buffer size: \[(?P<limit>[\d,]+)\], Message size: \[(?P<size>[\d,]+)\]",
        "Tomcat closes with 1009: the message did not fit into the endpoint's buffer (`maxBinaryMessageBufferSize`).",
        "",
        "No async message support and buffer too small. Buffer size: [8,192], Message size: [70,000]",
        _TOMCAT,
        speaker="server",
        told_by="sent",
        close_code=1009,
        closed_by="speaker",
    ),
    Phrase(
        "Tomcat",
        r"The decoded text message was too big for the output buffer",
        "Tomcat closes with 1009: the text did not fit into the endpoint's buffer (`maxTextMessageBufferSize`).",
        "the buffer's size: 8,192 characters where nobody set it",
        "The decoded text message was too big for the output buffer and the endpoint does not support partial messages",
        _TOMCAT,
        speaker="server",
        told_by="sent",
        close_code=1009,
        closed_by="speaker",
    ),
    Phrase(
        "Tomcat",
        r"The WebSocket session \[[^\]]*\] (?P<reason>(?:read |write )?idle timeout expired)",
        "Tomcat closes: nothing came, or could be written, for the session's idle timeout.",
        "the timeout: `maxSessionIdleTimeout`; and whether pings counted",
        "The WebSocket session [0] idle timeout expired",
        _TOMCAT,
        speaker="server",
        closed_by="speaker",
        told_by="sent",
    ),
    Phrase(
        "Tomcat",
        r"WebSocket session \[[^\]]*\] has been closed and no method",
        "The program went on using a session that was closed.",
        "why it had been closed",
        "The WebSocket session [0] has been closed and no method (apart from close()) may be called on a closed session",
        _TOMCAT,
    ),
    Phrase(
        "Spring",
        r"CloseStatus\[code=(?P<code>1006), reason=(?P<reason>[^\]]*)\]",
        "TCP ended without a close frame; the container made 1006 up.",
        NO_FRAME,
        "Connection closed CloseStatus[code=1006, reason=null] in StandardWebSocketSession[id=0]",
        f"{_SPRING}CloseStatus.java",
        told_by="assumed",
        closed_by="network",
    ),
    Phrase(
        "Spring",
        r"CloseStatus\[code=(?P<code>\d{4}), reason=(?P<reason>[^\]]*)\]",
        "The session was closed with this status.",
        WHO_FIRST,
        "Connection closed: CloseStatus[code=1001, reason=Server is going down]",
        f"{_SPRING}CloseStatus.java",
        told_by="received",
    ),
    Phrase(
        "Spring",
        r"(?P<reason>Buffer size (?P<size>\d+) bytes for session '[^']*' exceeds the allowed limit (?P<limit>\d+)|"
        r"Send time \d+ \(ms\) for session '[^']*' exceeded the allowed limit \d+)",
        "Spring closes with 4500: the client reads more slowly than is sent to it.",
        "",
        "Buffer size 524300 bytes for session '7' exceeds the allowed limit 524288",
        f"{_SPRING}handler/ConcurrentWebSocketSessionDecorator.java",
        speaker="server",
        told_by="sent",
        close_code=4500,
        closed_by="speaker",
    ),
    Phrase(
        "Jetty",
        r"(?:Text|Binary) message too large: (?P<size>[\d,]+) > (?P<limit>[\d,]+)",
        "Jetty closes with 1009: the message was over the session's limit.",
        "",
        "Binary message too large: 70,000 > 65,536",
        f"{_JETTY}messages/ByteArrayMessageSink.java",
        told_by="sent",
        close_code=1009,
    ),
    Phrase(
        "Jetty",
        r"(?:Cannot handle payload lengths|Message) larger than (?P<limit>\d+)",
        "Jetty closes with 1009: a frame or a message was over its limit.",
        "",
        "Cannot handle payload lengths larger than 65536",
        f"{_JETTY}internal/Parser.java",
        told_by="sent",
        close_code=1009,
    ),
    Phrase(
        "Jetty",
        r"Connection Idle Timeout|WebSocketTimeoutException",
        "Jetty closes with 1001: nothing was sent or received for its idle timeout.",
        "the timeout: 30 s where nobody set it",
        "WebSocketTimeoutException: Connection Idle Timeout",
        f"{_JETTY}WebSocketConnection.java",
        told_by="sent",
        close_code=1001,
    ),
    Phrase(
        "OkHttp",
        r"sent ping but didn't receive pong within (?P<reason>\d+ms)",
        "This side gave up: its ping was not answered within `pingInterval`. No close frame was sent.",
        "whether the network was cut, the server stopped, or a large message kept the pong waiting",
        "java.net.SocketTimeoutException: sent ping but didn't receive pong within 10000ms (after 4 successful ping/pongs)",
        _OKHTTP,
        speaker="client",
        told_by="assumed",
        close_code=1006,
        closed_by="speaker",
    ),
    Phrase(
        "OkHttp",
        r"Expected HTTP 101 response but was '(?P<status>\d{3}) (?P<reason>[^']*)",
        "The opening handshake was answered with another status than 101.",
        WHY_REJECTED,
        "java.net.ProtocolException: Expected HTTP 101 response but was '403 Forbidden'",
        _OKHTTP,
        speaker="client",
    ),
    Phrase(
        "Java-WebSocket",
        r"The connection was closed because the other endpoint did not respond with a pong in time",
        "This side gave up: its ping was not answered within `connectionLostTimeout`. No close frame was sent.",
        "whether the network was cut, the other side stopped, or a large message kept the pong waiting",
        "onClose 1006 The connection was closed because the other endpoint did not respond with a pong in time. For more information check: …",
        f"{_JAVA}AbstractWebSocket.java",
        told_by="assumed",
        close_code=1006,
    ),
    Phrase(
        "Java-WebSocket",
        r"LimitExceededException: Payload limit reached",
        "This side itself refused what came: it was over the limit of its draft (`maxFrameSize`), and 1009 was sent.",
        "the limit and the size",
        "org.java_websocket.exceptions.LimitExceededException: Payload limit reached.",
        f"{_JAVA}drafts/Draft_6455.java",
        told_by="sent",
        close_code=1009,
    ),
)
