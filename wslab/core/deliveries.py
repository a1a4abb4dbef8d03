"""The fate of messages in flight when a connection ended: what the sender believes, and what is true.

WebSocket has no acknowledgement (RFC 6455 has no frame for it): a send without an error only means that the bytes were
handed to the kernel. Only the other side knows whether the message arrived. Here, "arrived" means that the server's
process read it; whether its application acted on it is another question.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Literal, NamedTuple

from wslab.core.runs import Run

Fate = Literal["delivered", "lost_unnoticed", "lost", "arrived_unnoticed", "unknown"]


class Delivery(NamedTuple):
    """One message. `is_believed`: its sender saw no failure. `has_arrived`: None if unknown."""

    client: int
    number: int
    is_believed: bool
    has_arrived: bool | None

    @property
    def fate(self) -> Fate:
        """How belief and truth compare.

        "lost_unnoticed": the sender wrongly believes that it was delivered. "arrived_unnoticed": it arrives twice if
        the sender sends it again.
        """
        match self.is_believed, self.has_arrived:
            case _, None:
                return "unknown"
            case True, True:
                return "delivered"
            case True, False:
                return "lost_unnoticed"
            case False, True:
                return "arrived_unnoticed"
        return "lost"


def deliveries(run: Run) -> tuple[Delivery, ...]:
    """Return the fate of each message of a run, in the order of sending.

    TCP keeps the order, so the messages that arrived are the first of their connection. The server's account says how
    many; if a crash took the account, each reply still proves that its message arrived.
    """
    return tuple(_deliveries(run))


def fates(run: Run) -> Counter[Fate]:
    """Count the fates of a run's messages."""
    return Counter(delivery.fate for delivery in deliveries(run))


def _deliveries(run: Run) -> Iterator[Delivery]:
    accounted = {account.connection_id: account for account in run.accounts if account.closed_at_s is not None}
    replies = {closure.connection_id: closure.received_messages or 0 for closure in run.closures}
    sent: defaultdict[str | None, int] = defaultdict(int)
    for send in run.sends:
        if send.outcome == "unopened":
            yield Delivery(send.client, send.number, False, False)
            continue
        sent[send.connection_id] += 1
        place = sent[send.connection_id]
        has_arrived: bool | None = None
        if send.outcome == "accepted" or place <= replies.get(send.connection_id, 0):
            has_arrived = True
        elif account := accounted.get(send.connection_id or ""):
            has_arrived = place <= account.received_messages
        yield Delivery(send.client, send.number, send.passed, has_arrived)
