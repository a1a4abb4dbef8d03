"""What `wslab explain` takes for a capture of 1 GB, in time and memory, beside `tshark -Y websocket` on the same file.

The capture is made first: 2,000 connections that overlap, messages of 50 bytes to 60 KB either way in segments of at
most 1,400 bytes, one segment in a hundred late or sent twice, and at the end 1009, 1012, a reset or nothing. Time is
processor time, so that what else the machine does is not in it.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _peers import program
from _results import Result, tell
from websockets.utils import accept_key

from wslab.captures import pcapng
from wslab.captures.containers import Packet
from wslab.captures.pcapng import TcpScript, write_pcapng
from wslab.core.records import Close, Side
from wslab.net.close_bodies import encode_close
from wslab.net.frames import encode_frame
from wslab.net.handshakes import encode_request

CONNECTIONS = 2_000
SEGMENT_BYTES = 1_400
SIZE_MB, QUICK_SIZE_MB = 1000, 10
PROMISED_S, PROMISED_MB = 60, 500
TSHARK = ("tshark", "-Y", "websocket")

_KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
_ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(_KEY)}\r\n\r\n"
).encode()


def packets(total_bytes: int, seed: int = 1) -> Iterator[Packet]:
    """Yield a capture of about so many bytes, in the order of its packets."""
    rng = random.Random(seed)
    scripts = [TcpScript((f"10.0.{n % 250}.{n % 200 + 1}", 1024 + n), ("192.0.2.1", 80)) for n in range(CONNECTIONS)]
    at_ns = 1_700_000_000 * 10**9
    for script in scripts:
        at_ns += 10**6
        yield from script.open(at_ns)
        yield from script.send("client", at_ns + 1000, encode_request("192.0.2.1", "/", _KEY))
        yield from script.send("server", at_ns + 2000, _ACCEPTED)
    written, late = 0, None
    while written < total_bytes:
        at_ns += rng.randrange(10**5)
        side: Side = rng.choice(("client", "server"))
        for packet in rng.choice(scripts).send(side, at_ns, encode_frame(1, _text(rng), sender=side)):
            written += len(packet.data)
            chance = rng.random()
            if late is None and chance < 0.005:
                late = packet
                continue
            yield packet
            if 0.005 < chance < 0.01:
                yield packet
            if late is not None:
                yield late
                late = None
    for number, script in enumerate(scripts):
        at_ns += 10**5
        yield from _farewell(script, number, at_ns)


def _text(rng: random.Random) -> bytes:
    return b"x" * (rng.randrange(50, 2000) if rng.random() < 0.9 else rng.randrange(2000, 60_000))


def _farewell(script: TcpScript, number: int, at_ns: int) -> Iterator[Packet]:
    code = (1009, 1012, None, None)[number % 4]
    if code is not None:
        close = encode_close(Close(code=code))
        yield from script.send("server", at_ns, encode_frame(8, close, sender="server"))
        yield from script.send("client", at_ns + 1000, encode_frame(8, close))
        yield from script.end("server", at_ns + 2000)
        yield from script.end("client", at_ns + 3000)
    elif number % 4 == 2:
        yield from script.reset("server", at_ns)


def cost(*command: str) -> tuple[float, float]:
    """Run a command; return its processor time in seconds, and the most memory that it held in MB."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)  # else it is awaited once more
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def measure(quick: bool) -> Iterator[Result]:
    pcapng.SEGMENT_BYTES = SEGMENT_BYTES
    size_mb = QUICK_SIZE_MB if quick else SIZE_MB
    with tempfile.TemporaryDirectory(prefix="wslab-captures-") as folder:
        path = Path(folder) / "large.pcapng"
        with path.open("wb", buffering=2**20) as file:
            write_pcapng(file, packets(size_mb * 10**6), comment="made", application="benchmarks/captures.py")
        explain = (sys.executable, "-m", "wslab", "explain", str(path), "--json")
        used_s, peak_mb = cost(*explain)
        theirs = cost(*TSHARK, "-r", str(path)) if shutil.which(TSHARK[0]) else None
    what = f"explaining a capture of {size_mb:,} MB"
    yield Result(claim=f"{what}: processor time", values=(used_s,), unit="s", at_most=None if quick else PROMISED_S)
    yield Result(claim=f"{what}: memory", values=(peak_mb,), unit="MB", at_most=None if quick else PROMISED_MB)
    if theirs is None:
        yield Result(claim=f"{what}: processor time", peer=TSHARK[0], note="tshark is not on PATH")
        return
    yield Result(claim=f"{what}: processor time", values=(used_s / theirs[0],), peer=program(TSHARK[0], "--version"))
    yield Result(claim=f"{what}: memory", values=(peak_mb / theirs[1],), peer=program(TSHARK[0], "--version"))


if __name__ == "__main__":
    tell(measure, __doc__)
