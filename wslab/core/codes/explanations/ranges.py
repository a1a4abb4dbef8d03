"""The meaning of unregistered codes, by range."""

from __future__ import annotations

from wslab.core.codes.explanations.record import CodeExplanation
from wslab.core.codes.sources import (
    AUTOBAHN_CODES,
    CENTRIFUGE,
    GRAPHQL_WS,
    IANA,
    RFC_BACKOFF,
    RFC_CLOSE_FRAME,
    RFC_RANGES,
    RFC_SUBPROTOCOL,
    claim,
)

RANGES: dict[int | range, CodeExplanation] = {
    range(1000): CodeExplanation(
        cause="a number below the protocol's codes",
        description=claim("Codes from 0 to 999 are not used.", RFC_RANGES),
        when_seen=(
            claim("In no correct close frame; strict libraries answer it with 1002.", AUTOBAHN_CODES),
            claim("An HTTP status, such as 404, was taken for a close code.", RFC_RANGES),
        ),
        how_to_fix=(
            claim("Add 4000 to an HTTP status to keep it recognisable, as GraphQL does with 4401.", GRAPHQL_WS),
        ),
        when_to_use=claim("Never send a code below 1000.", RFC_RANGES),
        retry=claim(
            "It depends: no code below 1000 has a meaning. Treat it as an abnormal closure.", RFC_RANGES, RFC_BACKOFF
        ),
    ),
    range(1000, 3000): CodeExplanation(
        cause="a number kept for the protocol's future",
        description=claim(
            "Reserved for the protocol, its revisions and its public extensions; this number is not assigned.",
            RFC_RANGES,
            IANA,
        ),
        when_seen=(
            claim("In no correct close frame; strict libraries answer it with 1002.", AUTOBAHN_CODES),
            claim("Or it was registered after this table was made: look at the registry.", IANA),
        ),
        how_to_fix=(claim("Make the program that sends it use 4000 to 4999 instead.", RFC_RANGES),),
        when_to_use=claim("Do not send a code of 1016 to 2999 that is not registered.", RFC_RANGES, IANA),
        retry=claim("It depends on a meaning that nobody has defined. Back off.", RFC_RANGES, RFC_BACKOFF),
    ),
    range(3000, 4000): CodeExplanation(
        cause="a library's or framework's own event",
        description=claim(
            "For libraries, frameworks and applications, which register with IANA; nobody registered this one.",
            RFC_RANGES,
            IANA,
        ),
        when_seen=(claim("A library uses the number unregistered, as Centrifuge does from 3000 on.", CENTRIFUGE),),
        how_to_fix=(
            claim("Look in the documentation of the library; the subprotocol often names it.", RFC_SUBPROTOCOL),
        ),
        when_to_use=claim("Send and register it if you write a library. An application uses 4000 to 4999.", RFC_RANGES),
        retry=claim("It depends on the library: Centrifuge lets 3000 to 3499 reconnect, 3500 to 3999 not.", CENTRIFUGE),
        example_reason="slow consumer",
    ),
    range(4000, 5000): CodeExplanation(
        cause="an application's own event",
        description=claim(
            "For private use, by agreement between the two applications; it cannot be registered.", RFC_RANGES
        ),
        when_seen=(
            claim(
                "Your own application closes, or a protocol on top of WebSocket does: GraphQL has 4400 to 4429.",
                GRAPHQL_WS,
            ),
        ),
        how_to_fix=(claim("Look in the application's documentation, or in its code.", RFC_RANGES),),
        when_to_use=claim("Send it for an event of your own application, and document what it asks for.", RFC_RANGES),
        retry=claim(
            "It depends on the agreement. Centrifuge, say, lets 4000 to 4499 reconnect, 4500 to 4999 not.", CENTRIFUGE
        ),
        example_reason="document changed, reload it",
    ),
    range(5000, 65536): CodeExplanation(
        cause="a number above the protocol's codes",
        description=claim(
            "No range reaches beyond 4999, although the two bytes of a close frame could say up to 65535.",
            RFC_RANGES,
            RFC_CLOSE_FRAME,
        ),
        when_seen=(claim("A program swaps the two bytes: 1000 in the wrong byte order is 59395.", RFC_CLOSE_FRAME),),
        how_to_fix=(claim("Write the code in network byte order, and take it from 1000 to 4999.", RFC_CLOSE_FRAME),),
        when_to_use=claim("Never send a code above 4999.", RFC_RANGES),
        retry=claim(
            "It depends: no code above 4999 has a meaning. Treat it as an abnormal closure.", RFC_RANGES, RFC_BACKOFF
        ),
    ),
}
