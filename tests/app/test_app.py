"""`wslab app` answers to nobody but who started it, and keeps its kernels few; what it shows is in tests/browser."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

TOKEN = "a-token-of-the-tests"

MAX_KERNELS = 3
FEW_KERNELS = f"import wslab.app, wslab.cli\n\nwslab.app.MAX_KERNELS = {MAX_KERNELS}\nwslab.cli.main()"
"""The app with fewer kernels than it has: each takes two seconds of the processor."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the app listens."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    private = {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | private | {"JUPYTER_TOKEN": TOKEN, "IPYTHONDIR": str(home / "ipython")}
    command = [sys.executable, "-c", FEW_KERNELS, "app", "--no-browser", "--port", str(port)]
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_listens(port)
        yield port
        process.send_signal(signal.SIGINT)
        process.wait(20)
    finally:
        for one in [*process.children(recursive=True), process] if process.is_running() else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def wait_until_it_listens(port: int) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listened on port {port}")


def get(port: int, path: str = "/", **headers: str) -> http.client.HTTPResponse:
    """Return the beginning of an answer; the connection is closed, so that no page is waited for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    connection.close()
    return response


def test_nobody_gets_in_without_the_token(port: int) -> None:
    for path in ("/", "/?token=guessed", "/api/kernels/none"):
        response = get(port, path)
        assert response.status in (302, 403), path
        assert "/login" in response.headers.get("Location", "/login")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8866", "192.0.2.1"])
def test_page_of_another_name_that_points_here_is_refused(port: int, host: str) -> None:
    assert get(port, f"/?token={TOKEN}", Host=host).status == 403


def test_page_of_another_origin_cannot_talk_to_a_kernel(port: int) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?token={TOKEN}") as page:
        cookie = "; ".join(line.partition(";")[0] for line in page.headers.get_all("Set-Cookie"))
        (kernel,) = set(re.findall(r'"kernelId": ?"([^"]+)"', page.read().decode()))
    statuses = {
        origin: get(port, f"/api/kernels/{kernel}/channels", Cookie=cookie, Origin=origin, **upgrade, **key).status
        for origin in ("http://evil.example", f"http://127.0.0.1:{port}")
    }
    assert list(statuses.values()) == [403, 101]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/voila/api/shutdown/{kernel}", method="POST")
    request.add_header("Authorization", f"token {TOKEN}")
    urllib.request.urlopen(request).close()  # as the page does when it is left


def test_kernels_are_few_and_run_where_the_user_stands(port: int) -> None:
    with ThreadPoolExecutor(MAX_KERNELS + 3) as pool:
        statuses = list(pool.map(lambda _: get(port, f"/?token={TOKEN}").status, range(MAX_KERNELS + 3)))
    assert sorted(statuses) == [200] * MAX_KERNELS + [503] * 3
    kernels = [
        child
        for child in psutil.Process().children(recursive=True)
        if "ipykernel_launcher" in " ".join(child.cmdline()) and str(port) == child.environ().get("SERVER_PORT")
    ]
    assert len(kernels) == MAX_KERNELS
    assert {Path(kernel.cwd()) for kernel in kernels} == {Path.cwd()}
