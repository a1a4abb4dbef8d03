"""Registered codes that no correct close frame carries: reported by the observer, or without a meaning."""

from __future__ import annotations

from wslab.core.codes.explanations.record import CodeExplanation
from wslab.core.codes.sources import (
    AUTOBAHN_CODES,
    DRAFT_07,
    LESSON_03,
    LESSON_04,
    LESSON_07,
    LESSON_08,
    NGINX_WEBSOCKET,
    OPENSSL_CLIENT,
    RFC_BACKOFF,
    RFC_CLOSE_FRAME,
    RFC_CODE_SEEN,
    RFC_CODES,
    RFC_CONNECT,
    RFC_RANGES,
    WHATWG_CLOSE,
    WHATWG_FEEDBACK,
    claim,
)

UNSENT: dict[int | range, CodeExplanation] = {
    1004: CodeExplanation(
        cause="nothing defined yet",
        description=claim("Reserved: a meaning might be defined in the future, and none has been.", RFC_CODES),
        when_seen=(
            claim("In no correct close frame; strict libraries answer it with 1002.", AUTOBAHN_CODES),
            claim("Drafts of the RFC used it for a message too large, which is 1009 now.", DRAFT_07, RFC_CODES),
        ),
        how_to_fix=(claim("Find the program that sends it. For size it should say 1009.", RFC_CODES),),
        when_to_use=claim("Never send 1004. For your own meaning, use 4000 to 4999.", RFC_CODES, RFC_RANGES),
        retry=claim("It depends: the code says nothing. Treat it as an abnormal closure.", RFC_CODES, RFC_BACKOFF),
    ),
    1005: CodeExplanation(
        cause="a close frame without a code",
        description=claim(
            "A close frame came without a code. The observer reports that as 1005; it is never sent.",
            RFC_CODE_SEEN,
            RFC_CODES,
        ),
        when_seen=(
            claim("A page calls close() without a code: its close frame is empty.", WHATWG_CLOSE),
            claim("A proxy that closes connections itself loses the code.", LESSON_08),
        ),
        how_to_fix=(
            claim("Give a code when closing; in a page 1000, or 3000 to 4999.", WHATWG_CLOSE),
            claim("If one was given, compare what was sent and what arrived, hop by hop.", LESSON_08),
        ),
        when_to_use=claim(
            "Never send 1005. To give no reason send an empty close frame; the other side calls that 1005.",
            RFC_CODES,
            RFC_CLOSE_FRAME,
        ),
        retry=claim("It depends: the end was orderly, and unexplained. Ask what the client was doing.", RFC_CODE_SEEN),
    ),
    1006: CodeExplanation(
        cause="no close frame at all",
        description=claim(
            "The connection ended and no close frame came. The observer reports that as 1006; it is never sent.",
            RFC_CODE_SEEN,
            RFC_CODES,
        ),
        when_seen=(
            claim("The opening handshake failed, for whatever reason: a page is told no more.", WHATWG_FEEDBACK),
            claim("The server crashed or was killed; or a proxy cut an idle connection.", LESSON_04, NGINX_WEBSOCKET),
            claim("A close frame was sent and lost: often 1009, while the client was still sending.", LESSON_03),
        ),
        how_to_fix=(
            claim("Ask the other side: its own record of the connection has the code that it sent.", LESSON_03),
            claim("After a failed send read on: the close frame often waits in the receive buffer.", LESSON_03),
            claim("If it follows a fixed silence (nginx: 60 s), send pings more often.", NGINX_WEBSOCKET),
        ),
        when_to_use=claim('Never send 1006. Read it as "cause unknown", not as a cause.', RFC_CODES, RFC_CODE_SEEN),
        retry=claim(
            "It depends: reconnect with a random delay and backoff, but do not resend what went before.",
            RFC_BACKOFF,
            LESSON_07,
        ),
    ),
    1015: CodeExplanation(
        cause="a failed TLS handshake",
        description=claim(
            "TLS failed before there was a WebSocket: the certificate could not be verified, say. Never sent.",
            RFC_CODES,
        ),
        when_seen=(
            claim("A wss:// server's certificate has expired, is self-signed, or names another host.", RFC_CONNECT),
            claim("Seldom under this number: browsers say 1006, many libraries raise a TLS error.", WHATWG_FEEDBACK),
        ),
        how_to_fix=(
            claim(
                "Look at it as the client does: openssl s_client -connect HOST:443 -servername HOST.", OPENSSL_CLIENT
            ),
            claim("Check scheme and port: wss:// to a port that speaks plain ws:// fails in TLS, too.", RFC_CONNECT),
        ),
        when_to_use=claim("Never send 1015: there is no connection yet that could carry it.", RFC_CODES),
        retry=claim("No: waiting does not fix a certificate.", RFC_CONNECT),
    ),
}
