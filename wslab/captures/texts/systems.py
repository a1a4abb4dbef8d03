"""What the operating system and common runtimes say of TCP and TLS below a WebSocket; asked last."""

from __future__ import annotations

from wslab.captures.texts.phrase import Phrase

_ERRNO = "https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_03"
_SYSTEM = "the operating system"

PHRASES = (
    Phrase(
        _SYSTEM,
        r"(?i)ECONNRESET|connection reset(?: by peer)?\b|forcibly closed by the remote host|WinError 10054",
        "TCP was reset by the other side, or by something between that spoke for it.",
        "whether a close frame came before the reset: it may be unread in this side's buffer; and who sent the reset",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        _ERRNO,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
    Phrase(
        _SYSTEM,
        r"(?i)\bEPIPE\b|broken pipe|connection was aborted by the software|WinError 10053",
        "This side wrote after the other had ended TCP.",
        "why it had ended: a close frame may be unread in this side's buffer",
        "BrokenPipeError: [Errno 32] Broken pipe",
        _ERRNO,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
    Phrase(
        _SYSTEM,
        r"(?i)ECONNREFUSED|connection refused|actively refused it|Connect call failed",
        "Nobody listened at that address: there was no WebSocket.",
        "whether the server is down for a moment (a restart) or for good, or listens elsewhere",
        "Error: connect ECONNREFUSED 127.0.0.1:8765",
        _ERRNO,
        speaker="client",
    ),
    Phrase(
        _SYSTEM,
        r"(?i)ETIMEDOUT|connection timed out|WinError 10060|EHOSTUNREACH|no route to host|ENETUNREACH",
        "The network brought nothing back: a connection attempt, or an open connection that had been silent, timed out.",
        "where on the way it is lost",
        "read ETIMEDOUT",
        _ERRNO,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
    Phrase(
        _SYSTEM,
        r"(?i)ENOTFOUND|EAI_AGAIN|getaddrinfo|name or service not known|no such host|nodename nor servname",
        "The server's name was not resolved: there was no connection.",
        "",
        "getaddrinfo ENOTFOUND feed.example",
        _ERRNO,
        speaker="client",
    ),
    Phrase(
        _SYSTEM,
        r"(?i)certificate verify failed|self[- ]signed certificate|CERT_HAS_EXPIRED|UNABLE_TO_VERIFY_LEAF_SIGNATURE|"
        r"x509: certificate",
        "TLS failed: the server's certificate is not trusted here. There was no WebSocket.",
        "whether it is the server's own certificate or that of an inspecting proxy",
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
        "https://docs.openssl.org/master/man1/openssl-verification-options/",
        speaker="client",
        closed_by="speaker",
    ),
    Phrase(
        _SYSTEM,
        r"(?i)unexpected EOF|\bEOFError\b|io: read/write on closed pipe|IncompleteReadError|socket hang up",
        "TCP ended in the middle, in order (FIN), without what was still expected.",
        "who ended it, and why",
        "Error: socket hang up",
        _ERRNO,
        told_by="assumed",
        close_code=1006,
        closed_by="network",
    ),
)
