"""payload_sweep: messages of many sizes, and the outcome of each."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Generator, Iterable
from pathlib import Path
from typing import Any, Literal

from wslab.core.arguments import check_choice, check_flag, check_seed, check_type, check_whole
from wslab.core.errors import BadValueError
from wslab.core.payloads import KINDS, SAFETY_CAP_BYTES, check_size, make_payload
from wslab.core.records import Send
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.core.templates import Template
from wslab.experiments.call import Call, plain
from wslab.experiments.conduct import Aim, Bench, Cancel, OnProgress, OnRecord, conduct
from wslab.net.client.client import Client
from wslab.net.client.exchange import Confirmation
from wslab.net.recording import Recorder

MAX_REPEATS = 1000


def payload_sweep(
    target: Aim,
    sizes: Iterable[int] | Generator[int, bool, Any],
    *,
    payload: str | Path | Template | None = None,
    repeats: int = 1,
    connection: Literal["per_message", "shared"] = "per_message",
    fragment_bytes: int | None = None,
    compression: bool = False,
    max_message_bytes: int | None = SAFETY_CAP_BYTES,
    confirm: Confirmation = "reply",
    timeout_s: float = 10.0,
    cap_bytes: int = SAFETY_CAP_BYTES,
    keep_replies: bool = True,
    seed: int = 0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Send a message of each size and return a run of `Send`, `Closure`, `Attempt` and `Account` records.

    Args:
        target: a running lab server, the knobs of one to start for the sweep, a URL, or a `Target`.
        sizes: payload sizes in bytes, see `wslab.core.ladders`; or a generator that yields a size and receives whether
            every message of it passed, such as `until_refused`.
        payload: "text", "multibyte", "json" or "binary"; the `pathlib.Path` of a file, whose beginning is sent; or a
            `wslab.core.templates.Template`. None: the target's template, else text.
        repeats: messages of each size, 1 to 1000.
        connection: "per_message" opens one per message; "shared" keeps one until it is closed.
        fragment_bytes: cut each message into frames of at most this many bytes. None: one frame.
        compression: offer permessage-deflate.
        max_message_bytes: the client's own limit for what it receives, 64 MiB; above it, it closes with 1009. None: no
            limit.
        confirm: what each message waits for: "reply", the server's answer to it; "ping", for a server that does not
            answer, the pong to a ping sent after the message; "none".
        timeout_s: how long to wait, in seconds. A search ends at the first message with neither confirmation nor
            closure.
        keep_replies: record the beginning of what the server says.
        cap_bytes: larger sizes raise at the call.
        progress, on_record: called on the background thread with each step and each record.
        cancel: a token that stops the sweep; so does Ctrl-C. The run is then `partial`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
        OSError: the file of the payload cannot be read.
    """
    call = Call.taken(payload_sweep, locals())
    check_whole("repeats", repeats, low=1, high=MAX_REPEATS, unit="messages of each size")
    check_choice("connection", connection, ["per_message", "shared"])
    check_flag("compression", compression)
    check_seed(seed)
    payload = payload or (target.messages if isinstance(target, Target) else None) or "text"
    call.add(payload=plain(payload))
    make = _maker(payload, seed, cap_bytes)
    if isinstance(sizes, Generator) and confirm == "none":
        raise BadValueError("confirm is 'none', but a search needs the outcome of each size; use 'reply' or 'ping'")
    first, steps, total = _steps(sizes, cap_bytes)
    listed = sizes if isinstance(sizes, list | tuple | range) else None  # other iterables are used up by now
    call.instead("sizes", sizes=plain(listed), first_bytes=first)
    how: dict[str, Any] = {"fragment_bytes": fragment_bytes, "confirm": confirm, "timeout_s": timeout_s}
    how |= {"kind": _kind(payload), "fresh": connection == "per_message"}

    async def measure(bench: Bench) -> None:
        client = bench.client(compression=compression, max_message_bytes=max_message_bytes, keep_replies=keep_replies)

        async def offer(size: int) -> list[Send]:
            content = make(size)
            return [await _send(client, content, **how) for _ in range(repeats)]

        try:
            await _climb(offer, first, steps, total, bench.recorder)
        finally:
            await client.close()

    return conduct(measure, call)


async def _climb(
    offer: Callable[[int], Awaitable[list[Send]]],
    size: int | None,
    steps: Generator[int, Any, Any],
    total: int | None,
    recorder: Recorder,
) -> None:
    """Offer one size after the other; `total` is None in a search, which ends at a message without an answer."""
    for done in itertools.count(1):
        if size is None:
            return
        sends = await offer(size)
        if total is None and sends[-1].outcome in ("timeout", "unopened"):
            return  # silence is not a refusal; a search that took it for one would invent a limit
        recorder.step(done, total, f"{size:,} B {sends[-1].outcome}")
        size = _next(steps, all(send.passed for send in sends))


async def _send(client: Client, content: str | bytes, *, fresh: bool, **how: Any) -> Send:
    if not client.is_open:
        await client.open()
    send = await client.send_message(content, **how)
    if fresh:
        await client.close()
    return send


def _kind(payload: str | Path | Template) -> str:
    return payload if isinstance(payload, str) else "file" if isinstance(payload, Path) else "template"


def _maker(payload: str | Path | Template, seed: int, cap_bytes: int) -> Callable[[int], str | bytes]:
    """Return a function that makes a payload of a given size; for a file, its beginning."""
    wanted = "the name of a kind, the pathlib.Path of a file, or a Template"
    check_type("payload", payload, str | Path | Template, wanted)
    if isinstance(payload, Template):
        return payload.make
    if isinstance(payload, str):
        check_choice("payload", payload, KINDS, hint="for a file, give a pathlib.Path")
        return lambda size: make_payload(payload, size, seed=seed, cap_bytes=cap_bytes)
    with payload.open("rb") as file:
        content = file.read(cap_bytes + 1)  # no more can be sent

    def beginning(size: int) -> bytes:
        check_size("payload size", size, cap_bytes=cap_bytes)
        check_whole("payload size", size, low=0, high=len(content), unit="bytes", hint="the file has no more")
        return content[:size]

    return beginning


def _steps(
    sizes: Iterable[int] | Generator[int, bool, Any], cap_bytes: int
) -> tuple[int, Generator[int, Any, Any], int | None]:
    """Return the first size, a generator that receives verdicts and yields the others, and their number if known."""
    check_type("sizes", sizes, Iterable, "an iterable of bytes: write [1024], or call a ladder")
    checked = [] if isinstance(sizes, Generator) else list(sizes)
    for size in checked:
        check_size("payload size", size, cap_bytes=cap_bytes)
    steps = sizes if isinstance(sizes, Generator) else (size for size in checked)
    first = _next(steps, None)
    if first is None:
        raise BadValueError(
            "sizes is empty, or a generator that is used up; give at least one size, or make a new generator"
        )
    return first, steps, len(checked) or None


def _next(steps: Generator[int, Any, Any], passed: bool | None) -> int | None:
    try:
        return steps.send(passed)
    except StopIteration:
        return None
