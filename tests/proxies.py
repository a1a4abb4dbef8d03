"""Two small proxies, HTTP CONNECT and SOCKS5, for tests; as a program, both in a process of their own.

`python proxies.py` prints the two ports and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys


async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def http_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """CONNECT with Basic authorization, as RFC 9110 §9.3.6 has it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if "Proxy-Authorization: Basic Ym9iOnN3b3JkZmlzaA==" not in head:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        writer.close()
        return
    host, _, port = head.split()[1].rpartition(":")
    other = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(splice(reader, other[1]), splice(other[0], writer))


async def socks_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """SOCKS5 without authorization; it looks names up itself (RFC 1928 §4, address type 3)."""
    _, count = await reader.readexactly(2)
    await reader.readexactly(count)
    writer.write(b"\x05\x00")
    _, _, _, kind = await reader.readexactly(4)
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        host = socket.inet_ntoa(await reader.readexactly(4))
    port = int.from_bytes(await reader.readexactly(2), "big")
    other = await asyncio.open_connection("127.0.0.1" if host == "inside.example" else host, port)
    writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
    await asyncio.gather(splice(reader, other[1]), splice(other[0], writer))


async def main() -> None:
    servers = [await asyncio.start_server(proxy, "127.0.0.1", 0) for proxy in (http_proxy, socks_proxy)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
