"""The opening handshake through a relay: who may use the relay, and what those hear who may not."""

from __future__ import annotations

from typing import NamedTuple

from wslab.core.relay.faults import Unavailable
from wslab.core.target import Target
from wslab.net.heads import RequestHead, read_request
from wslab.net.origins import why_foreign
from wslab.net.relay.addressing import addressed, has_token


class OwnAnswer(NamedTuple):
    """An HTTP answer of the relay's own; the connection ends after it."""

    status: int
    words: str
    retry_after_s: int | None = None

    def answer(self) -> bytes:
        body = f"{self.words}\n".encode()
        wait = "" if self.retry_after_s is None else f"Retry-After: {self.retry_after_s}\r\n"
        return (
            f"HTTP/1.1 {self.status} Relay\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n{wait}\r\n"
        ).encode() + body


class Entrance(NamedTuple):
    """Where a relay leads, and whom it lets in.

    Fields:
        token: what the query of a request must hold; None if only this machine can connect.
        origins: pages that may connect, besides those of this machine.
    """

    target: Target
    token: str | None
    origins: tuple[str, ...]

    def refusal(self, request: RequestHead | None) -> OwnAnswer | None:
        """Return why this request is refused; None is a request that cannot be read."""
        if self.token is not None:
            known = request is not None and has_token(request.resource, self.token)
            return None if known else OwnAnswer(403, "this relay wants its token in the query: ?token=…")
        if request is None:
            return None
        why = why_foreign(request.fields, origins=self.origins, host=self.target.address[0])
        return OwnAnswer(403, why) if why else None

    def addressed(self, asked: bytes, *, client: int, port: int) -> bytes:
        """Return the bytes of a client's request as the target gets them."""
        return addressed(asked, self.target, client=client, port=port, token=self.token)


def by_fault(fault: Unavailable) -> OwnAnswer:
    """Return the answer that this fault gives in the target's place."""
    return OwnAnswer(
        fault.status, "the relay answered in the target's place: its fault unavailable", fault.retry_after_s
    )


def request_bytes(data: bytes) -> int:
    """Return the length of a request's head; 0 while it is incomplete. Raises HeadError if it is none."""
    request = read_request(data)
    return 0 if request is None else request.head_bytes
