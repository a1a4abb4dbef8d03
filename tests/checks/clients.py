"""Clients to be checked, each wrong or right in its own way: `python clients.py KIND URL`."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

Delay = Callable[[int], float]

FINAL = (1000, 1008)


async def come_back(url: str, delay_s: Delay, *, polite: bool, poison: str = "", limit: int | None = 2**20) -> None:
    """Stay connected; a polite client heeds Retry-After and final codes, and gives up a message that met 1009."""
    failures = 0
    while True:
        asked_s = 0.0
        try:
            async with connect(url, proxy=None, ping_interval=0.5, ping_timeout=0.5, max_size=limit) as connection:
                began_s = asyncio.get_running_loop().time()
                try:
                    if poison:
                        await connection.send(poison)
                    async for _ in connection:
                        pass
                except ConnectionClosed:
                    pass
                if polite and connection.close_code in FINAL:
                    return
                if polite and connection.close_code == 1009:
                    poison = ""
                if asyncio.get_running_loop().time() - began_s > 3 or not polite:
                    failures = 0
        except InvalidStatus as refused:
            asked = refused.response.headers.get("Retry-After", "")
            asked_s = float(asked) if polite and asked.isdecimal() else 0.0
        except (OSError, InvalidHandshake, TimeoutError):
            pass
        await asyncio.sleep(asked_s + delay_s(failures))
        failures += 1


def spread(failures: int) -> float:
    return random.uniform(0.6, 1) * min(2.0, 0.3 * 1.8**failures)


async def sit(url: str) -> None:
    """Connect, never ping, and stay."""
    async with connect(url, proxy=None, ping_interval=None) as connection:
        await connection.wait_closed()


async def once(url: str) -> None:
    """Stay until the connection closes, and exit."""
    async with connect(url, proxy=None) as connection:
        await connection.wait_closed()
    sys.exit(3)


async def flood(url: str) -> None:
    """Open connections without end, and keep none."""
    while True:
        with contextlib.suppress(OSError, InvalidHandshake):
            connection = await connect(url, proxy=None, ping_interval=None)
            connection.transport.abort()


KINDS: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
    "flood": flood,
    "once": once,
    "quiet": sit,
    "good": lambda url: come_back(url, spread, polite=True, poison="hello"),
    "loop": lambda url: come_back(url, lambda failures: 0.0, polite=False, poison="hello"),
    "fixed": lambda url: come_back(url, lambda failures: 0.4, polite=False, limit=None),
}

if __name__ == "__main__":
    kind, address = sys.argv[1:]
    if kind == "mute":
        print("I do not connect", address)
    else:
        asyncio.run(KINDS[kind](address))
