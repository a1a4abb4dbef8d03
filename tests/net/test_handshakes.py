"""The opening handshake is asked and answered as the standard says, and anything else is refused by name."""

from __future__ import annotations

import pytest
from websockets.utils import accept_key

from wslab.net.handshakes import HandshakeError, agreed_extensions, check_asking, check_opening, encode_request, new_key
from wslab.net.heads import ResponseHead, read_request, read_response

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
OPENING = (
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
)


def read(text: str) -> ResponseHead:
    head = read_response(text.encode())
    assert head is not None
    return head


def test_request_is_read_as_it_is_written() -> None:
    key = new_key()
    request = encode_request("127.0.0.1:8765", "/chat?room=1", key, {"Origin": "http://localhost"})
    assert request.startswith(b"GET /chat?room=1 HTTP/1.1\r\nHost: 127.0.0.1:8765\r\n")
    assert all(read_request(request[:cut]) is None for cut in range(len(request)))
    head = read_request(request + b"more")
    assert head is not None
    assert (head.method, head.resource, head.head_bytes) == ("GET", "/chat?room=1", len(request))
    assert head.fields.get("origin") == "http://localhost"
    assert check_asking(head) == accept_key(key)
    assert new_key() != key


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("GET", "POST"), "POST of HTTP/1.1"),
        (("HTTP/1.1", "HTTP/1.0"), "HTTP/1.0"),
        (("Upgrade: websocket", "Upgrade: h2c"), "not ask for a WebSocket"),
        (("Version: 13", "Version: 8"), "not '13'"),
        ((KEY, "c2hvcnQ="), "not 16 bytes"),
        ((KEY, "*"), "not 16 bytes"),
    ],
)
def test_request_that_asks_for_no_websocket(change: tuple[str, str], words: str) -> None:
    request = encode_request("h", "/", KEY).decode().replace(*change).encode()
    head = read_request(request)
    assert head is not None
    with pytest.raises(HandshakeError, match=words):
        check_asking(head)


def test_opening_of_the_standard_is_accepted() -> None:
    check_opening(read(OPENING), ACCEPT)
    extension = "permessage-deflate; server_max_window_bits=12"
    more = f"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: {extension}\r\n\r\n"
    head = read(OPENING[:-2] + more)
    check_opening(head, ACCEPT, subprotocols=["chat"], extensions=["permessage-deflate"])
    assert agreed_extensions(head.fields) == {"permessage-deflate": {"server_max_window_bits": "12"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((ACCEPT, accept_key("another")), "Sec-WebSocket-Accept"),
        (("WebSocket\r", "h2c\r"), "Upgrade is 'h2c'"),
        (("CONNECTION: keep-alive, Upgrade", "Connection: close"), "Connection is 'close'"),
        (
            ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            "'permessage-deflate', which was not",
        ),
        (("\r\n\r\n", "\r\nSec-WebSocket-Extensions: ;;\r\n\r\n"), "Sec-WebSocket-Extensions"),
        (("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), "'chat', which was not offered"),
        (("\r\n\r\n", "\r\nSec-WebSocket-Protocol:\r\n\r\n"), "'', which was not offered"),
        (("\r\n\r\n", f"\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"), "Sec-WebSocket-Accept"),
    ],
)
def test_opening_that_a_client_must_refuse(change: tuple[str, str], words: str) -> None:
    with pytest.raises(HandshakeError, match=words):
        check_opening(read(OPENING.replace(*change)), ACCEPT)
