"""The commands of docs/howto/reach-my-server.md, as they stand there, against what they are for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "reach-my-server.md").read_text(encoding="utf-8")
STARTS_WITHIN_S = 60.0


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def command_of(title: str, port: int) -> list[str]:
    """Return the section's command, for a server at this port."""
    block = re.search(r"```console\n\$ (wslab .*?)```", section(title), re.DOTALL)
    assert block is not None
    text = os.path.expandvars(block[1].replace("\\\n", " ")) if "$KERNEL" in block[1] else block[1].replace("\\\n", " ")
    words = shlex.split(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", text))
    return [sys.executable, "-m", *words, "--json"]


def sent(command: list[str], folder: Path, **environment: str) -> dict[str, Any]:
    """Run the command, and return what it says of the exchange."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=90
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    assert not [secret for secret in environment.values() if secret in done.stdout + done.stderr]
    return found


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    return port


@contextlib.contextmanager
def running(*command: str, port: int, folder: Path, **environment: str) -> Iterator[None]:
    """Run a program until the block is left; begin once it listens."""
    log = folder / f"{port}.log"
    with log.open("w") as output:
        program = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env={**os.environ, **environment}, start_new_session=True
        )
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            assert program.poll() is None, log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        program.terminate()
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


@contextlib.contextmanager
def uvicorn(folder: Path, app: str) -> Iterator[int]:
    (folder / "served.py").write_text(app)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", str(port), "--log-level", "warning"]
    with running(*command, port=port, folder=folder):
        yield port


def test_kernel_of_a_running_jupyterlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = re.search(r"```json\n(.*?)```", section("A Jupyter kernel"), re.DOTALL)
    assert message is not None
    (tmp_path / "kernel-message.json").write_text(message[1])
    token, port = "swordfish-of-jupyter", free_port()
    lab = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    lab += ["--allow-root", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={tmp_path}"]
    folders = {name: str(tmp_path / name) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    with running(*lab, port=port, folder=tmp_path, **folders):
        started = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/kernels", b"{}", {"Authorization": f"token {token}"}, method="POST"
        )
        with urllib.request.urlopen(started, timeout=60) as answer:
            monkeypatch.setenv("KERNEL_ID", json.load(answer)["id"])
        told = sent(command_of("A Jupyter kernel", port), tmp_path, JUPYTER_TOKEN=token)
    (send,) = told["sends"]
    assert send["outcome"] == "accepted"
    assert "wslab-1" in send["reply"] or "execution_state" in send["reply"] or '"header"' in send["reply"]
    assert told["closures"][0]["closed_by"] == "client"


SOCKET_IO = """
import socketio

server = socketio.AsyncServer(async_mode="asgi")


@server.event
async def message(sid, text):
    return "heard", len(text)


app = socketio.ASGIApp(server)
"""


def test_socket_io(tmp_path: Path) -> None:
    pytest.importorskip("socketio", reason="python-socketio is not installed")
    with uvicorn(tmp_path, SOCKET_IO) as port:
        command = command_of("A socket.io server", port)
        told = sent([*command, "--size", "1000"], tmp_path)
        (send,) = told["sends"]
        assert (send["outcome"], send["payload_bytes"]) == ("accepted", 1000)
        assert send["reply"] == '430["heard",983]'
        assert [receipt["words"][:1] for receipt in told["receipts"]] == ["0", "4"]
        too_big = sent([*command, "--size", "1000100"], tmp_path)  # engine.io's own limit is 1,000,000
    assert too_big["sends"][0]["outcome"] == "closed"


GRAPHQL = """
from ariadne import QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLTransportWSHandler

query = QueryType()
query.set_field("echo", lambda *_, text: f"{len(text)} heard")
schema = make_executable_schema("type Query { echo(text: String!): String! }", query)
app = GraphQL(schema, websocket_handler=GraphQLTransportWSHandler())
"""


def test_graphql_transport_ws(tmp_path: Path) -> None:
    pytest.importorskip("ariadne", reason="ariadne is not installed")
    with uvicorn(tmp_path, GRAPHQL) as port:
        command = command_of("GraphQL over graphql-transport-ws", port)
        told = sent([*command, "--size", "1000"], tmp_path)
    (send,) = told["sends"]
    assert send["outcome"] == "accepted"
    assert '"echo"' in send["reply"]
    assert " heard" in send["reply"]
    assert "connection_ack" in told["receipts"][0]["words"]


FASTAPI = """
from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws")
async def echo(socket: WebSocket):
    if socket.headers.get("authorization") != "Bearer swordfish-of-fastapi":
        await socket.close(4401)
        return
    await socket.accept()
    async for message in socket.iter_json():
        await socket.send_json({"ok": len(message["data"])})
"""

NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
    }}
}}
"""


def test_fastapi_behind_nginx_with_a_bearer_token(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        pytest.skip("nginx is not installed")
    with uvicorn(tmp_path, FASTAPI) as behind:
        port = free_port()
        (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port, behind=behind))
        front = [nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
        with running(*front, port=port, folder=tmp_path):
            command = command_of("FastAPI behind nginx, with a bearer token", port)
            told = sent(command, tmp_path, API_TOKEN="swordfish-of-fastapi")
            refused = subprocess.run(
                command,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "API_TOKEN": "no"},
            )
    assert told["sends"][0]["reply"] == '{"ok":0}'
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["attempts"][0]["http_status"] == 403
