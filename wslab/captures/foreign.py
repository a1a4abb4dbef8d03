"""Files of other kinds, which are refused by name: a picture, a program, a capture in another tool's format."""

from __future__ import annotations

from wslab.core.errors import CaptureError

_MAGIC = {
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "an archive (zip); unpack it first",
    b"\x7fELF": "a program",
    b"SQLite format": "a database",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; decompress it first",
    b"\xfd7zXZ": "compressed by xz; decompress it first",
    b"BZh": "compressed by bzip2; decompress it first",
    b"RTSS": "a capture of Microsoft's Network Monitor; let Wireshark save it as pcapng",
    b"GMBU": "a capture of Microsoft's Network Monitor; let Wireshark save it as pcapng",
    b"snoop\0\0\0": "a capture of snoop's; let Wireshark save it as pcapng",
    b"\x16\x03": "TLS, encrypted",
}


def refuse_binary(beginning: bytes, name: str) -> None:
    """Raise CaptureError if the first bytes are not text."""
    known = next((what for magic, what in _MAGIC.items() if beginning.startswith(magic)), None)
    controls = sum(byte < 32 and byte not in b"\t\n\r\x1b" for byte in beginning)
    if known or controls > len(beginning) / 50:
        what = known or f"binary data that begins with {beginning[:8].hex(' ')}"
        raise CaptureError(f"{name} is {what}: none of a capture (pcap, pcapng), a HAR, a run of wslab, and a text")
