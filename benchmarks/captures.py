"""What `wslab explain` takes for a capture of 1 GB, in time and memory, beside `tshark -Y websocket` on the same file.

The capture is made first: 2,000 connections that overlap, messages of 50 bytes to 60 KB either way in segments of at
most 1,400 bytes, one segment in a hundred late or sent twice, and at the end 1009, 1012, a reset or nothing. Promised
are at most 60 s and 500 MB, on one core. Time is processor time, so that what else the machine does is not in it.

Usage: captures.py [MB], 1000 unless told otherwise.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from websockets.utils import accept_key

from wslab.captures import pcapng
from wslab.captures.containers import Packet
from wslab.captures.pcapng import TcpScript, write_pcapng
from wslab.core.records import Close, Side
from wslab.net.frames import encode_close, encode_frame
from wslab.net.heads import encode_request

CONNECTIONS = 2_000
SEGMENT_BYTES = 1_400
PROMISED_S, PROMISED_MB = 60, 500

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


def measure(command: list[str], kept: Path | None = None) -> tuple[float, float, float]:
    """Run a command; return its processor time and wall time in seconds, and the most memory that it held in MB."""
    began = time.monotonic()
    with (kept or Path(os.devnull)).open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / 1000


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    pcapng.SEGMENT_BYTES = SEGMENT_BYTES
    with tempfile.TemporaryDirectory(prefix="wslab-captures-") as folder:
        path, document = Path(folder) / "large.pcapng", Path(folder) / "explained.json"
        with path.open("wb", buffering=2**20) as file:
            count = write_pcapng(file, packets(megabytes * 10**6), comment="made", application="benchmarks/captures.py")
        size_mb = path.stat().st_size / 1e6
        print(
            f"{count:,} packets, {size_mb:,.0f} MB, {CONNECTIONS:,} connections, made by {_own_mb():,.0f} MB of Python"
        )
        used_s, wall_s, peak_mb = measure([sys.executable, "-m", "wslab", "explain", str(path), "--json"], document)
        found = json.loads(document.read_text())["records"]
        print(f"wslab explain: {used_s:.1f} s of one core ({wall_s:.1f} s by the clock), {peak_mb:,.0f} MB; {found}")
        shares = f"{used_s / PROMISED_S:.0%} and {peak_mb / PROMISED_MB:.0%}"
        print(f"of what is promised, {PROMISED_S} s and {PROMISED_MB} MB: {shares}")
        if shutil.which("tshark"):
            tshark_s, _, tshark_mb = measure(["tshark", "-r", str(path), "-Y", "websocket"])
            print(f"tshark -Y websocket: {tshark_s:.1f} s, {tshark_mb:,.0f} MB")
            print(f"wslab / tshark: {used_s / tshark_s:.2f} of the time, {peak_mb / tshark_mb:.2f} of the memory")


def _own_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
