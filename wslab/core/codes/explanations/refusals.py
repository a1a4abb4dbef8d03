"""Codes with which a side rejects what the other side sent, needs, or is."""

from __future__ import annotations

from wslab.core.codes.explanations.record import CodeExplanation
from wslab.core.codes.sources import (
    AUTOBAHN_CODES,
    AWS_QUOTAS,
    CENTRIFUGE,
    CUBE_LOOP,
    FASTAPI_WEBSOCKETS,
    GRAPHQL_WS,
    HTTP_401,
    HTTP_403,
    HTTP_408,
    IANA,
    LESSON_01,
    LESSON_02,
    LESSON_03,
    LESSON_07,
    LESSON_09,
    NGINX_WEBSOCKET,
    RFC_CLOSE_FRAME,
    RFC_CODES,
    RFC_DATA_FRAMES,
    RFC_EXTENSIONS,
    RFC_FRAME,
    RFC_LIMITS,
    RFC_MASKING,
    RFC_ORIGIN,
    RFC_RANGES,
    RFC_SUBPROTOCOL,
    RFC_UTF8,
    WEBSOCKETS_CONNECTION,
    WEBSOCKETS_FAQ,
    WHATWG_OPEN,
    claim,
)

REFUSALS: dict[int | range, CodeExplanation] = {
    1002: CodeExplanation(
        cause="bytes that break the protocol",
        description=claim("The side that closes received something that the protocol forbids.", RFC_CODES),
        when_seen=(
            claim("A client sends an unmasked frame, or a server a masked one.", RFC_MASKING),
            claim("A frame has a reserved bit set that no extension allows: often a compression mix-up.", RFC_FRAME),
            claim("A close frame carries a code that may not be sent, such as 1005 or 2000.", AUTOBAHN_CODES),
        ),
        how_to_fix=(
            claim("Capture the last frames before the closure and decode them: the fault is there.", RFC_FRAME),
            claim("Suspect what makes or rewrites frames: a hand-written client, a proxy, an extension.", RFC_FRAME),
        ),
        when_to_use=claim(
            "Leave 1002 to libraries. A well-formed message that you refuse is 1008, or 4000 to 4999.",
            RFC_CODES,
            RFC_RANGES,
        ),
        retry=claim("No: the same program sends the same bytes again. Fix it first.", RFC_CODES),
        example_reason="reserved bit set without an extension",
    ),
    1003: CodeExplanation(
        cause="a kind of data that is not accepted",
        description=claim(
            "The side that closes cannot accept this kind of data: binary, say, where it reads only text.", RFC_CODES
        ),
        when_seen=(
            claim("A binary message reaches an endpoint that reads only text, or the reverse.", RFC_CODES),
            claim(
                "The argument's type chose the kind: in Python, bytes go out as binary, str as text.",
                WEBSOCKETS_CONNECTION,
            ),
        ),
        how_to_fix=(
            claim("Send the kind that the other side reads.", RFC_DATA_FRAMES),
            claim("Fix the kind in a subprotocol: a mismatch then shows when connecting.", RFC_SUBPROTOCOL),
        ),
        when_to_use=claim(
            "Send 1003 when the kind is wrong. Bytes that contradict their kind are 1007, unwelcome content is 1008.",
            RFC_CODES,
        ),
        retry=claim("No: the same kind of message is refused again.", RFC_CODES),
        example_reason="text messages only",
    ),
    1007: CodeExplanation(
        cause="data that contradicts its type",
        description=claim(
            "The side that closes received a message whose content does not fit its type: text that is not UTF-8, say.",
            RFC_CODES,
        ),
        when_seen=(
            claim("Text in another encoding, or cut inside a character, goes out as a text message.", RFC_UTF8),
            claim("A close reason is cut at 123 bytes inside a character: it must be UTF-8, too.", RFC_CLOSE_FRAME),
        ),
        how_to_fix=(
            claim("Encode text as UTF-8, once; or send the bytes as a binary message.", RFC_DATA_FRAMES),
            claim(
                "Split text into messages between characters. Fragments of one message may cut anywhere.",
                RFC_DATA_FRAMES,
            ),
        ),
        when_to_use=claim(
            "Send 1007 for broken UTF-8. JSON that does not parse is the application's matter: 1008, or 4000 to 4999.",
            RFC_CODES,
            RFC_RANGES,
        ),
        retry=claim("No: the same bytes are as wrong the next time.", RFC_CODES),
        example_reason="text message is not UTF-8",
    ),
    1008: CodeExplanation(
        cause="a breach of the receiver's rules",
        description=claim(
            "The side that closes received a message against its policy. It is the general code, and may hide details.",
            RFC_CODES,
        ),
        when_seen=(
            claim("Credentials are missing or stale: frameworks commonly use 1008 for that.", FASTAPI_WEBSOCKETS),
            claim("A rate limit or a check of the content refuses a message.", RFC_CODES),
        ),
        how_to_fix=(
            claim("Read the close reason, then the log of the side that closed: the code hides the rule.", RFC_CODES),
            claim("Change what broke the rule before connecting again: sign in, slow down.", FASTAPI_WEBSOCKETS),
        ),
        when_to_use=claim(
            "Send 1008 if no narrower code fits: kind is 1003, size 1009, credentials 3000 or 3003.", RFC_CODES, IANA
        ),
        retry=claim("No, not until whatever broke the rule has changed.", RFC_CODES),
        example_reason="session expired",
    ),
    1009: CodeExplanation(
        cause="a message too big for the receiver",
        description=claim("The side that closes received a message that is too big for it to process.", RFC_CODES),
        when_seen=(
            claim("A message exceeds the receiver's limit on messages, or one frame its limit on frames.", RFC_LIMITS),
            claim("The limit can be a server's, a client's, a library's or a gateway's.", AWS_QUOTAS),
            claim("Or you see 1006: the 1009 was sent, and lost while the client was still sending.", LESSON_03),
        ),
        how_to_fix=(
            claim("Find out whose limit it is, and how high.", LESSON_01),
            claim("Send less at a time: several messages. Several frames of one message seldom help.", LESSON_02),
            claim("Or raise the limit. It costs memory for each connection, and usually a restart.", LESSON_02),
        ),
        when_to_use=claim("Send 1009 if only the size is wrong, and name both numbers in the reason.", RFC_CODES),
        retry=claim(
            "No: the same message meets the same limit. Reconnect, but do not resend it.", CUBE_LOOP, LESSON_07
        ),
        example_reason="message of 70000 bytes exceeds the limit of 65536 bytes",
    ),
    1010: CodeExplanation(
        cause="a missing extension",
        description=claim(
            "The client needs an extension that the server did not agree to in the opening handshake.", RFC_CODES
        ),
        when_seen=(
            claim("In the server's log. A server never sends it: it can fail the handshake instead.", RFC_CODES),
            claim("The server's response left an extension out, or a proxy took it out.", RFC_EXTENSIONS),
        ),
        how_to_fix=(
            claim("Server: enable the extension; let proxies pass Sec-WebSocket-Extensions.", RFC_EXTENSIONS),
            claim("Client: make the extension optional.", RFC_EXTENSIONS),
        ),
        when_to_use=claim("Send 1010 from a client only, with the missing extensions as the reason.", RFC_CODES),
        retry=claim("No: the next handshake ends the same until one side is reconfigured.", RFC_EXTENSIONS),
        example_reason="permessage-deflate",
    ),
    3000: CodeExplanation(
        cause="missing or invalid credentials",
        description=claim(
            "Registered as Unauthorized; the protocol leaves the meaning open. Read it as HTTP 401.",
            IANA,
            RFC_RANGES,
            HTTP_401,
        ),
        when_seen=(
            claim("A token is missing, wrong, or expired during the connection.", HTTP_401),
            claim("A page cannot set an Authorization header, so a first message carries the token.", WHATWG_OPEN),
        ),
        how_to_fix=(
            claim("Obtain new credentials, then connect again.", HTTP_401),
            claim("Renew a token before it expires, over the open connection.", HTTP_401),
        ),
        when_to_use=claim(
            "Send 3000 when other credentials would help, 3003 when none would. In the handshake, answer HTTP 401.",
            IANA,
            HTTP_401,
        ),
        retry=claim("No, not with the same credentials.", HTTP_401),
        example_reason="token expired",
    ),
    3003: CodeExplanation(
        cause="insufficient permission",
        description=claim(
            "Registered as Forbidden; the protocol leaves the meaning open. Read it as HTTP 403.",
            IANA,
            RFC_RANGES,
            HTTP_403,
        ),
        when_seen=(
            claim("The account is known, and may not have what it asked for.", HTTP_403),
            claim("A permission was withdrawn while the connection was open.", HTTP_403),
        ),
        how_to_fix=(claim("Have the permission granted: signing in again does not help.", HTTP_403),),
        when_to_use=claim(
            "Send 3003 to someone known who lacks permission. A wrong Origin belongs in the handshake: HTTP 403.",
            IANA,
            RFC_ORIGIN,
        ),
        retry=claim("No: HTTP asks clients not to repeat a 403 with the same credentials.", HTTP_403),
        example_reason="no permission for this channel",
    ),
    3008: CodeExplanation(
        cause="an application's deadline passed",
        description=claim(
            "Registered as Timeout; the protocol leaves the meaning open. Read it as HTTP 408.",
            IANA,
            RFC_RANGES,
            HTTP_408,
        ),
        when_seen=(
            claim("The first message or an answer came too late; GraphQL has a 4408 for that.", GRAPHQL_WS),
            claim("Not when a proxy finds a connection idle: it ends TCP, which is 1006.", NGINX_WEBSOCKET, LESSON_09),
            claim('Elsewhere the number means something else: Centrifuge\'s 3008 is "slow".', CENTRIFUGE),
        ),
        how_to_fix=(
            claim("Send what the server waits for once the connection is open; prepare it beforehand.", GRAPHQL_WS),
            claim("Or raise the deadline of the side that closed.", GRAPHQL_WS),
        ),
        when_to_use=claim(
            "Send 3008 if an expected message never comes. A missing pong is the library's task, often 1011.",
            IANA,
            WEBSOCKETS_FAQ,
        ),
        retry=claim("Yes: HTTP lets a client repeat a request after 408. Back off, slowness may be load.", HTTP_408),
        example_reason="no sign-in within 10 s",
    ),
}
