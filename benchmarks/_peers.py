"""Programs that others wrote: which version is here, and the load generators, each as the command that opens N
WebSockets and holds them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

VERSION = re.compile(r"\d+(?:\.\d+)+")

DTD = Path("/usr/share/tsung/tsung-1.0.dtd")


class Peer(NamedTuple):
    """A load generator, how to get it, and the command that lets it loose on a port.

    `at_least` is the ratio that is promised, None where nothing is; `asked` makes it say its version.
    """

    program: str
    how_to_get: str
    asked: str
    at_least: float | None
    command: Callable[[int, int, Path], list[str]]

    @property
    def is_here(self) -> bool:
        return shutil.which(self.program) is not None

    @contextlib.contextmanager
    def loose(self, port: int, clients: int, folder: Path) -> Iterator[None]:
        """Run it for the while; all that it started ends with it."""
        command = self.command(port, clients, folder)
        with (folder / f"{self.program}.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def program(name: str, asked: str) -> str:
    """Return the name of a program on PATH, and the version that it tells."""
    told = subprocess.run([name, asked], capture_output=True, text=True, check=False, timeout=60)
    found = VERSION.search(told.stdout + told.stderr)
    return f"{name} {found[0] if found else 'of no known version'}"


def _artillery(port: int, clients: int, folder: Path) -> list[str]:
    script = {
        "config": {
            "target": f"ws://127.0.0.1:{port}/",
            "phases": [{"duration": 10, "arrivalRate": 20_000, "maxVusers": clients}],
        },
        "scenarios": [{"engine": "ws", "flow": [{"think": 600}]}],
    }
    path = folder / "artillery.json"
    path.write_text(json.dumps(script))
    return ["artillery", "run", "--quiet", str(path)]


def _tsung(port: int, clients: int, folder: Path) -> list[str]:
    path = folder / "tsung.xml"
    path.write_text(
        f"""<?xml version="1.0"?>
        <!DOCTYPE tsung SYSTEM "{DTD}">
        <tsung loglevel="warning">
          <clients><client host="localhost" use_controller_vm="true" maxusers="{2 * clients}"/></clients>
          <servers><server host="127.0.0.1" port="{port}" type="tcp"/></servers>
          <load><arrivalphase phase="1" duration="60" unit="second">
            <users maxnumber="{clients}" interarrival="0.00001" unit="second"/>
          </arrivalphase></load>
          <sessions><session name="hold" probability="100" type="ts_websocket">
            <request><websocket type="connect" path="/"/></request>
            <thinktime value="600"/>
          </session></sessions>
        </tsung>"""
    )
    return ["tsung", "-n", "-i", f"bench{port}", "-f", str(path), "-l", str(folder), "start"]


def _k6(port: int, clients: int, folder: Path) -> list[str]:
    path = folder / "k6.js"
    path.write_text(
        f"""import ws from "k6/ws";
        export const options = {{vus: {clients}, iterations: {clients}}};
        const hold = socket => socket.setTimeout(() => socket.close(), 600000);
        export default () => ws.connect("ws://127.0.0.1:{port}/", {{}}, hold);
        """
    )
    return ["k6", "run", "--quiet", "--no-usage-report", str(path)]


PEERS = (
    Peer("artillery", "npm install --global artillery", "--version", 4.0, _artillery),
    Peer("tsung", "apt-get install tsung", "-v", 3.0, _tsung),
    Peer("k6", "https://k6.io", "version", None, _k6),
)
