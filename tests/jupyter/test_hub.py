"""A real JupyterHub that runs two users under one account: each reaches the own lab server, and not the other's.

It needs more than the other tests: `pip install jupyterhub`, and `npm install --global configurable-http-proxy`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jupyterhub") is None or shutil.which("configurable-http-proxy") is None,
    reason="no JupyterHub is installed",
)

TOKEN = "of-the-tests-and-nobody-else"
USERS = ("ada", "grace")
STARTS_WITHIN_S = 90
CONFIG = f"""\
c = get_config()
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "http://127.0.0.1:{{hub}}"
c.JupyterHub.hub_port = {{api}}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{{proxy}}"
c.Spawner.cmd = [{sys.executable!r}, "-m", "jupyterhub.singleuser", "--allow-root"]
c.Spawner.start_timeout = c.Spawner.http_timeout = {STARTS_WITHIN_S}
c.JupyterHub.services = [{{{{"name": "test", "api_token": {TOKEN!r}}}}}]
scopes = ["admin:users", "admin:servers", "tokens", "access:servers"]
c.JupyterHub.load_roles = [{{{{"name": "test", "services": ["test"], "scopes": scopes}}}}]
"""
SERVE = "import wslab; server = wslab.LabServer(max_message_bytes=1000).start(); print(server.port)"


class Hub:
    """A running hub, and what the tests ask of it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.tokens: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"token {token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=STARTS_WITHIN_S) as answer:
            return json.loads(answer.read() or b"null")

    def admit(self, user: str) -> None:
        """Make a user, start the user's Jupyter server, and wait for it."""
        self.ask("POST", f"/hub/api/users/{user}")
        self.ask("POST", f"/hub/api/users/{user}/server", {})
        self.tokens[user] = self.ask("POST", f"/hub/api/users/{user}/tokens", {})["token"]
        wait_for(lambda: self.ask("GET", f"/user/{user}/api/status", token=self.tokens[user])["started"])

    def websocket(self, user: str, owner: str, route: str) -> Any:
        """Connect as a user, through an owner's Jupyter server."""
        fields = {"Authorization": f"token {self.tokens[user]}"}
        url = f"ws://127.0.0.1:{self.port}/user/{owner}/{route}"
        return connect(url, additional_headers=fields, proxy=None, max_size=None)

    async def printed(self, user: str, code: str) -> str:
        """Return what code prints in a new kernel of the user's, which goes on."""
        kernel = self.ask("POST", f"/user/{user}/api/kernels", {"name": "python3"}, token=self.tokens[user])["id"]
        header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        async with self.websocket(user, user, f"api/kernels/{kernel}/channels") as channels:
            asked = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            await channels.send(json.dumps(asked))
            while (message := json.loads(await channels.recv()))["header"]["msg_type"] != "stream":
                pass
        return str(message["content"]["text"])


def wait_for(ready: Any) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            ready()
        except (urllib.error.URLError, KeyError, TypeError, ValueError):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = dict(zip(("hub", "api", "proxy"), (each.getsockname()[1] for each in free), strict=True))
    for each in free:
        each.close()
    (tmp_path / "jupyterhub_config.py").write_text(textwrap.dedent(CONFIG).format(**ports), encoding="utf-8")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterhub"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        running = Hub(ports["hub"])
        wait_for(lambda: running.ask("GET", "/hub/api/users"))
        yield running
    finally:
        everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        process.terminate()
        psutil.wait_procs(everyone, timeout=10)
        for left in everyone:
            if left.is_running():
                left.kill()
        process.wait()


async def met(hub: Hub, user: str, owner: str, port: int) -> tuple[int, str]:
    """Return the code and reason that a message over the limit meets, or the handshake's status."""
    try:
        async with hub.websocket(user, owner, f"wslab/{port}/") as websocket:
            await websocket.send("x" * 1001)
            await websocket.recv()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
    except InvalidStatus as refused:
        return refused.response.status_code, ""
    return 0, ""


@pytest.mark.timeout(300)
def test_users_reach_their_own_lab_servers_alone(hub: Hub) -> None:
    for user in USERS:
        hub.admit(user)

    async def drive() -> dict[tuple[str, str], tuple[int, str]]:
        port = int(await hub.printed("ada", SERVE))
        return {(user, owner): await met(hub, user, owner, port) for user in USERS for owner in USERS}

    seen = asyncio.run(drive())
    code, reason = seen.pop(("ada", "ada"))
    assert (code, "1000 bytes" in reason) == (1009, True)
    assert seen == {("ada", "grace"): (403, ""), ("grace", "ada"): (403, ""), ("grace", "grace"): (502, "")}
