"""What TLS reveals without decryption: that it is TLS (RFC 8446 §5.1), and the name that the client asks for."""

from __future__ import annotations

import re

IS_TLS = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")

_SNI = re.compile(rb"(?s)\x00\x00..(..)\x00(..)")


def server_name(hello: bytes) -> str | None:
    """Return the name that a TLS client asks for (SNI, RFC 6066 §3), if its first record contains it."""
    found = _SNI.search(hello, 43)
    while found is not None:
        outer, length = int.from_bytes(found[1], "big"), int.from_bytes(found[2], "big")
        name = hello[found.end() : found.end() + length]
        if outer == length + 3 and len(name) == length and re.fullmatch(rb"[A-Za-z0-9.-]+", name):
            return name.decode()
        found = _SNI.search(hello, found.start() + 1)
    return None
