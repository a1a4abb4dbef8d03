"""A client that is wrong on purpose: it comes back at once, with the same message.

Usage: python client.py URL
"""

import asyncio
import sys
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

READINGS = "21.5 °C\n" * 4_000


def delay_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row, the first of them 1."""
    return 0.0


def is_hopeless(close_code: int) -> bool:
    """Return whether the same message would end in the same way again."""
    return False


async def main(url: str) -> None:
    """Stay connected, and begin with what was not refused for good."""
    failures, unsent = 0, READINGS
    while True:
        began_s = time.monotonic()
        try:
            async with connect(url, proxy=None, compression=None) as connection:
                if unsent:
                    await connection.send(unsent)
                await connection.wait_closed()
                if is_hopeless(connection.close_code or 1006):
                    unsent = ""
        except (OSError, InvalidHandshake, ConnectionClosed):
            pass
        failures = 1 if time.monotonic() - began_s > 5 else failures + 1
        await asyncio.sleep(delay_s(failures))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
