"""Sources: the documents and lessons that the kit's statements rest on.

A `Claim` is a statement with at least one source. Each document is named once here, so that it is cited the same way
everywhere. Nothing is fetched.
"""

from __future__ import annotations

import msgspec

from wslab.core.codes.languages import Say


class Source(msgspec.Struct, frozen=True, tag_field="kind", tag="document"):
    """A document: its title and its address."""

    label: str
    url: str


class Lesson(msgspec.Struct, frozen=True, tag_field="kind", tag="lesson"):
    """A lesson of the course, whose experiment confirms a claim or shows where it is too simple."""

    number: str
    question: str
    is_written: bool = True

    @property
    def label(self) -> str:
        return self.labelled(str)

    def labelled(self, say: Say) -> str:
        """Return the label in the language of `say`."""
        return say("lesson {number}, {question}").format(number=self.number, question=say(self.question))


class Claim(msgspec.Struct, frozen=True):
    """A statement and its sources. `text` is a whole sentence or phrase, never assembled from parts, so that its
    translation can be looked up.
    """

    text: str
    sources: tuple[Source | Lesson, ...]


def claim(text: str, source: Source | Lesson, *more: Source | Lesson) -> Claim:
    """Return the statement with its sources; at least one is required."""
    return Claim(text, (source, *more))


def _rfc6455(section: str) -> Source:
    return Source(f"RFC 6455 §{section}", f"https://www.rfc-editor.org/rfc/rfc6455#section-{section}")


def _rfc9110(section: str, status: str) -> Source:
    return Source(f"RFC 9110 §{section}, {status}", f"https://www.rfc-editor.org/rfc/rfc9110#section-{section}")


# The protocol
RFC_SUBPROTOCOL = _rfc6455("1.9")
RFC_CONNECT = _rfc6455("4.1")
RFC_MASKING = _rfc6455("5.1")
RFC_FRAME = _rfc6455("5.2")
RFC_CLOSE_FRAME = _rfc6455("5.5.1")
RFC_DATA_FRAMES = _rfc6455("5.6")
RFC_CODE_SEEN = _rfc6455("7.1.5")
RFC_BACKOFF = _rfc6455("7.2.3")
RFC_CODES = _rfc6455("7.4.1")
RFC_RANGES = _rfc6455("7.4.2")
RFC_UTF8 = _rfc6455("8.1")
RFC_EXTENSIONS = _rfc6455("9.1")
RFC_ORIGIN = _rfc6455("10.2")
RFC_LIMITS = _rfc6455("10.4")
ERRATUM_1011 = Source("RFC 6455 erratum 3227", "https://www.rfc-editor.org/errata/eid3227")
DRAFT_07 = Source(
    "hybi draft 07 §7.4.1",
    "https://datatracker.ietf.org/doc/html/draft-ietf-hybi-thewebsocketprotocol-07",
)

# Registrations after the RFC
IANA = Source("IANA close code registry", "https://www.iana.org/assignments/websocket/websocket.xhtml")
HYBI_RESTART = Source("hybi list, 09670", "https://www.ietf.org/mail-archive/web/hybi/current/msg09670.html")
HYBI_GATEWAY = Source("hybi list, 10748", "https://www.ietf.org/mail-archive/web/hybi/current/msg10748.html")

# What a page may do and see
WHATWG_OPEN = Source("WHATWG, new WebSocket()", "https://websockets.spec.whatwg.org/#dom-websocket-websocket")
WHATWG_CLOSE = Source("WHATWG, close()", "https://websockets.spec.whatwg.org/#dom-websocket-close")
WHATWG_FEEDBACK = Source("WHATWG, failures", "https://websockets.spec.whatwg.org/#feedback-from-the-protocol")
WHATWG_LEAVE = Source("WHATWG, leaving a page", "https://websockets.spec.whatwg.org/#garbage-collection")

# HTTP, after which some codes are modelled
HTTP_401 = _rfc9110("15.5.2", "401")
HTTP_403 = _rfc9110("15.5.4", "403")
HTTP_408 = _rfc9110("15.5.9", "408")
HTTP_502 = _rfc9110("15.6.3", "502")
HTTP_503 = _rfc9110("15.6.4", "503")

# Known products
AUTOBAHN_CODES = Source("Autobahn test suite, cases 7.9", "https://github.com/crossbario/autobahn-testsuite")
AWS_QUOTAS = Source(
    "AWS API Gateway quotas",
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html",
)
BUN_CLOSE = Source("Bun, ServerWebSocket.close", "https://bun.sh/reference/bun/ServerWebSocket/close")
CENTRIFUGE = Source("Centrifuge, disconnect.go", "https://github.com/centrifugal/centrifuge/blob/master/disconnect.go")
CUBE_LOOP = Source("cube#10246, a loop on 1009", "https://github.com/cube-js/cube/pull/10246")
FASTAPI_WEBSOCKETS = Source("FastAPI, WebSockets", "https://fastapi.tiangolo.com/advanced/websockets/")
GRAPHQL_WS = Source(
    "GraphQL over WebSocket Protocol", "https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md"
)
NGINX_WEBSOCKET = Source("nginx, WebSocket proxying", "https://nginx.org/en/docs/http/websocket.html")
OPENSSL_CLIENT = Source("OpenSSL, s_client", "https://docs.openssl.org/master/man1/openssl-s_client/")
STARSCREAM_1012 = Source("Starscream#374, 1012 refused", "https://github.com/daltoniam/Starscream/issues/374")
UVICORN_1012 = Source("uvicorn#1816, 1012 on shutdown", "https://github.com/encode/uvicorn/pull/1816")
WEBSOCKETS_CONNECTION = Source(
    "websockets, connections", "https://websockets.readthedocs.io/en/stable/reference/asyncio/client.html"
)
WEBSOCKETS_EXIT = Source(
    "websockets, connection.py",
    "https://github.com/python-websockets/websockets/blob/main/src/websockets/asyncio/connection.py",
)
WEBSOCKETS_SERVER = Source(
    "websockets, Server.close", "https://websockets.readthedocs.io/en/stable/reference/asyncio/server.html"
)
WEBSOCKETS_FAQ = Source("websockets, FAQ", "https://websockets.readthedocs.io/en/stable/faq/common.html")

# The course
LESSON_00 = Lesson("00", "What closed my connection?")
LESSON_01 = Lesson("01", "How big is too big?")
LESSON_02 = Lesson("02", "Do smaller frames help?")
LESSON_03 = Lesson("03", "Why did I see 1006 and not 1009?")
LESSON_04 = Lesson("04", "What does a restart look like?")
LESSON_05 = Lesson("05", "When should I come back?")
LESSON_06 = Lesson("06", "What if everyone comes back at once?")
LESSON_07 = Lesson("07", "Retry or not?")
LESSON_08 = Lesson("08", "What does a browser see?")
LESSON_09 = Lesson("09", "A limit, a restart, or the clock?")
LESSON_10 = Lesson("10", "What do real servers do?")
LESSON_11 = Lesson("11", "What about my server? My client?")
