"""frames_question: do smaller frames help? One content as one frame, as fragments, as messages, plain and compressed.

A limit may apply to messages, frames or both, and count bytes before or after inflation. The ways that pass show which.
If only separate messages pass, smaller frames do not help, and the application has to split the content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, Literal, get_args

from wslab.core.arguments import check_choice, check_whole
from wslab.core.payloads import KINDS, SAFETY_CAP_BYTES, check_size, make_payload
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, OnProgress, OnRecord, conduct
from wslab.net.client.client import Client
from wslab.net.client.exchange import Confirmation

Way = Literal["one frame", "fragments", "messages"]

MAX_PIECES = 4000
"""Some libraries limit the number of fragments, which is another question."""


def frames_question(
    target: Aim,
    payload_bytes: int = 100_000,
    *,
    piece_bytes: int = 16_384,
    payloads: Sequence[str] = ("text", "binary"),
    compression: Sequence[bool] = (False, True),
    confirm: Confirmation = "reply",
    timeout_s: float = 10.0,
    cap_bytes: int = SAFETY_CAP_BYTES,
    seed: int = 0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Offer one content to a server in every way, each on its own connection; return a run of what passed.

    The run holds `Send`, `Attempt`, `Closure` and `Account` records. A record's `client` is the number of the case;
    `info.parameters["cases"]` has each case's way, payload, compression and number of sends.

    Args:
        target: a running lab server, the knobs of one to start (with `compression=True`, so that it agrees), or a URL.
        payload_bytes: of the whole content, 1 byte to `cap_bytes`.
        piece_bytes: of each fragment, and of each message if the content is split into several.
        payloads: kinds of content: "text" and "json" compress well, "binary" does not.
        compression: whether to offer permessage-deflate; `Send.compression` says whether the server agreed.
        confirm, timeout_s, progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    call = Call.taken(frames_question, locals())
    check_size("payload_bytes", payload_bytes, cap_bytes=cap_bytes)
    check_whole("payload_bytes", payload_bytes, low=1, unit="bytes")
    check_whole("piece_bytes", piece_bytes, low=-(-payload_bytes // MAX_PIECES), unit="bytes")
    for kind in payloads:
        check_choice("payload", kind, KINDS)
    cases = list(_cases(payload_bytes, piece_bytes, payloads, compression))
    call.add(cases=cases)
    how: dict[str, Any] = {"confirm": confirm, "timeout_s": timeout_s}

    async def measure(bench: Bench) -> None:
        for number, case in enumerate(cases):
            client = bench.client(client=number, compression=case["compression"])
            fragment_bytes = piece_bytes if case["way"] == "fragments" else None
            sizes = _sizes(case["way"], payload_bytes, piece_bytes)
            pieces = (
                make_payload(case["payload"], size, seed=seed + n, cap_bytes=size) for n, size in enumerate(sizes)
            )
            passed = await _offer(client, pieces, kind=case["payload"], fragment_bytes=fragment_bytes, **how)
            outcome = "passed" if passed else "did not pass"
            bench.recorder.step(number + 1, len(cases), f"{case['payload']} as {case['way']} {outcome}")

    return conduct(measure, call)


async def _offer(client: Client, pieces: Iterable[str | bytes], **how: Any) -> bool:
    """Send the pieces over one connection until one does not pass; return whether all did."""
    try:
        await client.open()
        for piece in pieces:
            send = await client.send_message(piece, **how)
            if not send.passed:
                return False
        return True
    finally:
        await client.close()


def _cases(
    payload_bytes: int, piece_bytes: int, payloads: Sequence[str], compression: Sequence[bool]
) -> Iterator[dict[str, Any]]:
    for payload, compressed, way in product(payloads, compression, get_args(Way)):
        sends = len(_sizes(way, payload_bytes, piece_bytes))
        yield {"way": way, "payload": payload, "compression": compressed, "sends": sends}


def _sizes(way: Way, payload_bytes: int, piece_bytes: int) -> list[int]:
    """Return the sizes of the messages that carry the content."""
    if way != "messages":
        return [payload_bytes]
    return [min(piece_bytes, payload_bytes - begun) for begun in range(0, payload_bytes, piece_bytes)]
