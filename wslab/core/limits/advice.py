"""What to do next, in a sentence: how to live with what was found, or how to find more."""

from __future__ import annotations

from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.verdicts import FailureStatus

_NEXT: dict[FailureStatus, str] = {
    "needs_greeting": (
        "Give it what your client says first (--greeting '> …'), and a message that it takes (--template '…{filler}…')."
    ),
    "needs_subprotocol": "Offer the one that your client offers: --subprotocol NAME.",
    "unauthorized": "Give it what your client gives: --token-env, --header, --cookie or --origin.",
    "redirected": "Probe the location that it names, if you may.",
    "not_a_websocket_server": "Compare the URL, its path above all, with the one that your client uses.",
    "unreachable": "See whether it runs and listens at this address and port; then probe again.",
    "no_answer": "See whether this port speaks TLS (wss://), and whether the server is busy (--open-timeout).",
    "tls_error": "Trust its authority with --ca FILE, or name the host in the certificate with --server-name.",
    "went_away": "Look in its log for what happened then; `wslab watch URL` sees the next time with all clients' eyes.",
    "overloaded": "Leave it alone for a while; then probe it when it has less to do.",
    "refuses_everything": "Send one message by hand: `wslab send URL TEXT` shows each frame and both closes.",
    "cannot_tell": "Give it a message that it answers: --template '…{filler}…'.",
    "closes_on_rate": "Send more slowly than that, and wait before the next message after such a closure.",
    "closes_on_time": "`wslab watch URL` tells which clock that is, and what keeps a connection alive.",
    "closes_on_count": "Open a new connection before that is used up, or have the count raised.",
    "closes_on_content": "Give it messages as your client sends them: --template '…{filler}…'.",
    "closes_at_random": "Probe from the server's own machine, to leave the network out; or run `wslab watch URL`.",
}


_TELLING_BYTES = 1024
"""A smaller message that passed says nothing of how far to search."""


def advise(evidence: LimitEvidence) -> str | None:
    """Return what to do next; None where the finding says it, or leaves nothing to do."""
    failure = evidence.failure
    if evidence.status == "limit_found":
        return _live_with(evidence)
    if evidence.status == "out_of_bounds":
        more = f"--max-time {2 * evidence.budget_s:.0f}"
        lower = "" if evidence.accepted_bytes < _TELLING_BYTES else f", or a lower --cap, such as {_cap(evidence)}"
        return f"Give the probe more time ({more}){lower}."
    return _NEXT.get(failure.status) if failure is not None and evidence.status == failure.status else None


def _cap(evidence: LimitEvidence) -> int:
    """Return a cap that leaves what was accepted, and what was refused, within reach."""
    known = max(evidence.accepted_bytes, evidence.refused_bytes or 0, 2**10)
    return min(evidence.cap_bytes, 1 << (2 * known - 1).bit_length())


def _live_with(evidence: LimitEvidence) -> str:
    split = "split larger ones in your protocol"
    if evidence.counts in ("frame", "both"):
        up_to = "" if evidence.counts == "frame" else f" up to {evidence.max_fragmented_bytes:,} bytes"
        split = f"send larger ones{up_to} in fragments of at most as many"
    said = f"Keep messages to {evidence.accepted_bytes:,} bytes, {split}, or raise the limit of server or proxy."
    if evidence.refused_in_silence:
        return f"{said} The sender of a larger one is never told: check the size before sending."
    code = evidence.refusal.close_code if evidence.refusal is not None else None
    if code == 1006:
        return f"{said} To clients it looks like a crash: do not send the same message again after it."
    if code in (1000, 1001, 1005):
        return f"{said} To clients {code} looks like an orderly end: do not send the same message again after it."
    return said
