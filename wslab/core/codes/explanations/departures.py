"""Codes with which a side ends the connection for its own reasons, regardless of what the other side sent."""

from __future__ import annotations

from wslab.core.codes.explanations.record import CodeExplanation
from wslab.core.codes.sources import (
    BUN_CLOSE,
    ERRATUM_1011,
    HTTP_502,
    HTTP_503,
    HYBI_GATEWAY,
    HYBI_RESTART,
    IANA,
    LESSON_04,
    LESSON_05,
    LESSON_06,
    LESSON_07,
    RFC_BACKOFF,
    RFC_CODES,
    STARSCREAM_1012,
    UVICORN_1012,
    WEBSOCKETS_CONNECTION,
    WEBSOCKETS_EXIT,
    WEBSOCKETS_FAQ,
    WEBSOCKETS_SERVER,
    WHATWG_FEEDBACK,
    WHATWG_LEAVE,
    claim,
)

DEPARTURES: dict[int | range, CodeExplanation] = {
    1000: CodeExplanation(
        cause="the work is done",
        description=claim("The connection has served its purpose, and one side ends it.", RFC_CODES),
        when_seen=(
            claim(
                "A program closes on purpose: 1000 is the default of close() in many libraries.", WEBSOCKETS_CONNECTION
            ),
            claim("A server is stopped and calls that normal; a client that trusts 1000 stays away.", LESSON_04),
        ),
        how_to_fix=(
            claim("Nothing is broken. If the work was not done, find which side called close().", RFC_CODES),
            claim("A server that restarts should say 1012, so that its clients come back.", HYBI_RESTART, LESSON_04),
        ),
        when_to_use=claim(
            "Send 1000 when both sides are done. A shutdown is 1001 or 1012, an error 1011.", RFC_CODES, HYBI_RESTART
        ),
        retry=claim("No: nothing failed. Connect again when there is new work.", RFC_CODES),
        example_reason="all results delivered",
    ),
    1001: CodeExplanation(
        cause="one side goes away",
        description=claim("A side leaves: a server that shuts down, or a browser that leaves the page.", RFC_CODES),
        when_seen=(
            claim("A server stops: in Python's websockets, Server.close() sends 1001.", WEBSOCKETS_SERVER),
            claim("A user closes or leaves the page: the browser sends 1001 by itself.", WHATWG_LEAVE),
        ),
        how_to_fix=(
            claim("Client: reconnect after a random delay and back off; expect the server to be gone.", RFC_BACKOFF),
            claim(
                "Client: do not miss it. In Python's websockets, iteration ends on 1001 without an exception.",
                WEBSOCKETS_CONNECTION,
            ),
            claim("Server that will be back: send 1012, which says so.", HYBI_RESTART, LESSON_04),
        ),
        when_to_use=claim("Send 1001 when leaving for good; 1012 when back in a moment.", RFC_CODES, HYBI_RESTART),
        retry=claim("Yes: the server may be back, or have a neighbour. Give up after a while.", RFC_BACKOFF, LESSON_04),
        example_reason="server shutting down",
    ),
    1011: CodeExplanation(
        cause="an unexpected error",
        description=claim(
            "The side that closes met an unexpected condition. RFC 6455 says a server; its erratum says either side.",
            RFC_CODES,
            ERRATUM_1011,
        ),
        when_seen=(
            claim("An exception escaped from a handler: Python's websockets sends 1011.", WEBSOCKETS_EXIT),
            claim('A pong was late: Python\'s websockets sends 1011 "keepalive ping timeout".', WEBSOCKETS_FAQ),
        ),
        how_to_fix=(
            claim("Read the log of the side that closed; the traceback is there, not on the wire.", WEBSOCKETS_FAQ),
            claim(
                "After a ping timeout look for a blocked event loop or a slow network before raising the timeout.",
                WEBSOCKETS_FAQ,
            ),
        ),
        when_to_use=claim(
            "Send 1011 for a fault of your own. Overload is 1013; a bad message is 1003, 1007, 1008 or 1009.",
            RFC_CODES,
            HYBI_RESTART,
        ),
        retry=claim(
            "It depends: the fault may pass, or be set off by the same message each time. Back off, resend with care.",
            RFC_BACKOFF,
            LESSON_07,
        ),
        example_reason="internal error, see the log",
    ),
    1012: CodeExplanation(
        cause="the service restarts",
        description=claim(
            "The service restarts. A client may reconnect, and then after a random delay of 5 to 30 s.",
            HYBI_RESTART,
            IANA,
        ),
        when_seen=(
            claim("A planned restart, for a deployment or a new configuration, of a server that says so.", LESSON_04),
            claim("Any shutdown of uvicorn since 0.21.0, even a permanent one.", UVICORN_1012),
            claim("Elsewhere the same restart shows as 1001, 1000, 1005 or 1006.", LESSON_04),
        ),
        how_to_fix=(
            claim("Client: wait a random 5 to 30 s, then back off.", HYBI_RESTART, LESSON_05),
            claim("Server: spread the closures over time, and admit those who return at a bounded rate.", LESSON_06),
            claim("Check that every library passes it on: some take 1012 for a protocol error.", STARSCREAM_1012),
        ),
        when_to_use=claim(
            "Send 1012 when the same service will be back soon. Leaving for good is 1001, overload 1013.",
            HYBI_RESTART,
            RFC_CODES,
        ),
        retry=claim(
            "Yes: nothing was wrong with the client. The random delay keeps everyone from returning at once.",
            HYBI_RESTART,
            LESSON_06,
        ),
        example_reason="service restart",
    ),
    1013: CodeExplanation(
        cause="the service is overloaded",
        description=claim(
            "The service is overloaded. A client should try another address, or the same one when its user asks.",
            HYBI_RESTART,
            IANA,
        ),
        when_seen=(
            claim("A server sheds connections, or turns newcomers away right after the handshake.", HYBI_RESTART),
            claim("A client is over a rate limit, on servers that use the code for that.", BUN_CLOSE),
        ),
        how_to_fix=(
            claim("Client: try another address; with only one, wait for the user or back off for long.", HYBI_RESTART),
            claim("Server: add capacity, or refuse the handshake with HTTP 503 and Retry-After.", HTTP_503, LESSON_06),
        ),
        when_to_use=claim(
            "Send 1013 when the service works but is full. A page can read it; the status of a refused handshake "
            "it cannot.",
            HYBI_RESTART,
            WHATWG_FEEDBACK,
        ),
        retry=claim(
            "It depends: yes at another address; at the same one only if the user asks: retries feed the overload.",
            HYBI_RESTART,
        ),
        example_reason="overloaded, try another server",
    ),
    1014: CodeExplanation(
        cause="a gateway's upstream answered wrongly",
        description=claim(
            "A gateway or proxy got an invalid response from the server behind it, much like HTTP 502.",
            HYBI_GATEWAY,
            IANA,
        ),
        when_seen=(
            claim("A gateway that speaks WebSocket itself loses the server behind it.", HYBI_GATEWAY),
            claim("Not from nginx or HAProxy: they answer the handshake with HTTP 502 or 503.", HTTP_502, HTTP_503),
        ),
        how_to_fix=(
            claim("Check that the server behind is up, and speaks WebSocket at that path.", HTTP_502),
            claim("Read the gateway's log: it knows what the server behind it answered.", HYBI_GATEWAY),
        ),
        when_to_use=claim(
            "Send 1014 from a gateway only. A server with a fault of its own sends 1011.", HYBI_GATEWAY, RFC_CODES
        ),
        retry=claim("Yes: the server behind may recover. Back off as after a lost connection.", RFC_BACKOFF, HTTP_502),
        example_reason="upstream refused the connection",
    ),
}
