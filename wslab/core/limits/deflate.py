"""Compressed payloads of a chosen size: so many bytes after inflation, or so many on the wire.

The two are told apart by messages in which they differ by a factor of a thousand, either way.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

_CHUNK_BYTES = 2**20
_EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # a stored block that holds nothing (RFC 1951 §3.2.4)


def deflated(payload_bytes: int, fill: bytes = b"a") -> bytes:
    r"""Return a permessage-deflate payload (RFC 7692 §7.2.1) that inflates to `payload_bytes` times `fill`.

    It takes about a thousandth of that on the wire, whatever its size. `fill` is one byte.

    >>> payload = deflated(2**20)
    >>> len(payload) < 1100, len(zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")) == 2**20
    (True, True)
    """
    whole, rest = divmod(payload_bytes, _CHUNK_BYTES)
    return (_compress(_CHUNK_BYTES, fill) * whole if whole else b"") + _compress(rest, fill)[:-4]


@lru_cache(maxsize=8)
def _compress(size: int, fill: bytes) -> bytes:
    """Deflate so that the result ends at a byte, looks back at nothing before it, and so may be repeated."""
    content = fill * size
    compress = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compress.compress(content) + compress.flush(zlib.Z_FULL_FLUSH)


def padded(wire_bytes: int, fill: bytes = b"a") -> bytes:
    r"""Return a permessage-deflate payload of at least `wire_bytes`, at most 4 more, that inflates to one byte.

    Empty stored blocks make it long: any inflater skips them.

    >>> payload = padded(65_537)
    >>> 65_537 <= len(payload) <= 65_541, zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
    (True, b'a')
    """
    content = deflated(1, fill)
    blocks = max(0, -(-(wire_bytes - len(content)) // len(_EMPTY_BLOCK)))
    return _EMPTY_BLOCK * blocks + content
