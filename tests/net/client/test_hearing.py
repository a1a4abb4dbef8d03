"""Which of a server's messages is the answer, by servers that greet, push, answer in other words, or refuse late."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from wslab.core.records import Attempt, Closure, Receipt, Send
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder

Handler = Callable[[ServerConnection], Awaitable[None]]
HELLO = '{"op":10,"d":{"heartbeat_interval":41250}}'


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def ask(
    handler: Handler, *payloads: str | bytes, connections: int = 1, timeout_s: float = 5.0, **options: Any
) -> tuple[list[Send], Recorder]:
    """Send messages, over so many connections of one client one after the other; return what came of each."""

    async def exchange() -> tuple[list[Send], Recorder]:
        recorder = Recorder()
        async with serving(handler) as url:
            client = Client(Target(url, **options), recorder)
            sends = []
            for _ in range(connections):
                await client.open()
                sends += [await client.send_message(payload, timeout_s=timeout_s) for payload in payloads]
                await client.close()
        return sends, recorder

    return runtime.run(exchange())


def receipts(recorder: Recorder) -> list[str | None]:
    return [record.words for record in recorder.records if isinstance(record, Receipt)]


async def greet_then_echo(connection: ServerConnection) -> None:
    await connection.send(HELLO)
    async for message in connection:
        await connection.send(message)


async def greet_then_refuse(connection: ServerConnection) -> None:
    await connection.send(HELLO)
    await connection.recv()
    await asyncio.sleep(0.05)
    await connection.close(4002, "Error while decoding payload")


async def greet_late_then_refuse(connection: ServerConnection) -> None:
    """The welcome takes longer than the client listens, so that it comes after the client's message."""
    await asyncio.sleep(0.4)
    await connection.send("welcome")
    await connection.recv()
    await connection.close(1009, "too big")


async def push_and_answer(connection: ServerConnection) -> None:
    async def push() -> None:
        for number in range(10_000):
            await connection.send(json.dumps({"type": "tick", "n": number}))
            await asyncio.sleep(0.01)

    pushing = asyncio.create_task(push())
    try:
        async for _ in connection:
            await asyncio.sleep(0.05)
            await connection.send('{"type":"ok"}')
    finally:
        pushing.cancel()


async def push_and_say_nothing(connection: ServerConnection) -> None:
    with contextlib.suppress(Exception):
        while True:
            await connection.send("heartbeat")
            await asyncio.sleep(0.01)


def test_greeting_is_no_answer() -> None:
    (send,), recorder = ask(greet_then_echo, "hi")
    assert (send.outcome, send.reply) == ("accepted", "hi")
    assert receipts(recorder) == [HELLO]
    (receipt,) = (record for record in recorder.records if isinstance(record, Receipt))
    assert (receipt.unasked, receipt.payload_kind, receipt.payload_bytes) == (True, "text", len(HELLO))
    assert receipt.ended_at_s < send.started_at_s, "it was recognised before anything was sent"


@pytest.mark.parametrize(("handler", "code"), [(greet_then_refuse, 4002), (greet_late_then_refuse, 1009)])
def test_refusal_behind_a_greeting_is_a_refusal(handler: Handler, code: int) -> None:
    (send,), _ = ask(handler, "x" * 100)
    assert (send.outcome, send.close_code) == ("closed", code)


def test_refusal_behind_what_a_server_says_all_the_time_is_a_refusal() -> None:
    """Each of its messages is new, so that none can be told from an answer; only the closure tells."""

    async def babble_and_refuse(connection: ServerConnection) -> None:
        async def babble() -> None:
            for number in range(10_000):
                await connection.send("".join(chr(97 + (number * 7 + place) % 26) for place in range(number % 20 + 1)))
                await asyncio.sleep(0.02)

        babbling = asyncio.create_task(babble())
        await connection.recv()
        await asyncio.sleep(0.2)
        await connection.close(4002, "no")
        babbling.cancel()

    (send,), _ = ask(babble_and_refuse, "x" * 100)
    assert (send.outcome, send.close_code) == ("closed", 4002)


def test_greeting_is_waited_for_on_every_connection() -> None:
    sends, recorder = ask(greet_then_echo, "hi", connections=3)
    assert [send.reply for send in sends] == ["hi"] * 3
    assert receipts(recorder) == [HELLO] * 3


def test_answer_is_found_among_what_a_server_pushes() -> None:
    sends, recorder = ask(push_and_answer, "one", "two")
    assert [(send.outcome, send.reply) for send in sends] == [("accepted", '{"type":"ok"}')] * 2
    assert all(send.unasked_messages for send in sends)
    assert all("tick" in (words or "") for words in receipts(recorder))


def test_server_that_only_pushes_is_not_taken_for_one_that_answers() -> None:
    (send,), _ = ask(push_and_say_nothing, "hi", timeout_s=0.5)
    assert send.outcome == "timeout"
    assert "the server also sends such messages unasked" in (send.error or "")


def test_answer_in_other_words_is_kept() -> None:
    async def refuse_in_words(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send('{"error": "message too long, dropping"}')

    (send,), _ = ask(refuse_in_words, "x" * 1000)
    assert (send.outcome, send.reply) == ("accepted", '{"error": "message too long, dropping"}')


def test_words_of_a_server_are_printable_bounded_and_optional() -> None:
    async def shout(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send("\x1b[31m" + "x" * 10_000)

    (send,), _ = ask(shout, "hi")
    assert send.reply is not None
    assert send.reply.isprintable()
    assert len(send.reply) < 300

    async def silently(url: str) -> Send:
        client = Client(url, Recorder(), keep_replies=False)
        await client.open()
        sent = await client.send_message("hi")
        await client.close()
        return sent

    async def both() -> Send:
        async with serving(shout) as url:
            return await silently(url)

    kept = runtime.run(both())
    assert (kept.reply, kept.reply_bytes) == (None, 10_005)


async def demand_a_login(connection: ServerConnection) -> None:
    if await connection.recv() != "login c-0":
        await connection.close(4401, "login first")
        return
    await connection.send("one moment")
    await connection.send("welcome, c-0")
    async for message in connection:
        await connection.send(message)


def test_greeting_is_a_dialogue() -> None:
    (send,), recorder = ask(demand_a_login, "hi", greeting=["> login c-{client}", "< welcome"])
    assert (send.outcome, send.reply) == ("accepted", "hi")
    assert receipts(recorder) == ["one moment", "welcome, c-0"]


def test_greeting_that_is_not_answered_is_told_and_nothing_is_sent() -> None:
    (send,), recorder = ask(demand_a_login, "hi", greeting=["> login c-0", "< never"], open_timeout_s=0.3)
    assert (send.outcome, send.wire_bytes) == ("unopened", 0)
    assert send.error == "the greeting was not answered: no message with 'never' within 0.3 s (2 other messages came)"
    (closure,) = (record for record in recorder.records if isinstance(record, Closure))
    assert closure.closed_by == "client"


def test_refused_greeting_is_the_closure_that_the_message_meets() -> None:
    (send,), recorder = ask(demand_a_login, "hi", greeting=["> wrong", "< welcome"])
    assert (send.outcome, send.close_code) == ("closed", 4401)
    assert [record.outcome for record in recorder.records if isinstance(record, Attempt)] == ["opened"]


def test_heartbeat_is_answered_by_itself() -> None:
    """As engine.io wants it: a 2 is answered with a 3, or the server leaves."""
    answered: list[str | bytes] = []

    async def beat(connection: ServerConnection) -> None:
        await connection.send("2")
        answered.append(await connection.recv())
        async for message in connection:
            await connection.send(message)

    (send,), recorder = ask(beat, "hi", answers={"2": "3"})
    assert (send.outcome, send.reply, answered) == ("accepted", "hi", ["3"])
    assert receipts(recorder) == ["2"]


def test_no_record_repeats_a_secret_that_a_server_says_back() -> None:
    async def tell(connection: ServerConnection) -> None:
        assert connection.request is not None
        async for _ in connection:
            await connection.send(f"your token {connection.request.headers['Authorization']} is wrong")
            await connection.close(4001, "swordfish-4711 is wrong")

    async def exchange() -> Recorder:
        recorder = Recorder()
        async with serving(tell) as url:
            target = Target(url, token="swordfish-4711")
            recorder.redaction = target.redaction
            client = Client(target, recorder)
            await client.open()
            await client.send_message("hi")
            await client.close()
        return recorder

    recorder = runtime.run(exchange())
    assert "swordfish" not in repr(recorder.records)
    assert "is wrong" in repr(recorder.records)
