"""A real Jupyter server, with the extension as `make lab` loads it and with jupyter-server-proxy."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import psutil
import pytest

CONFIG = Path(__file__).parents[2] / "jupyter"
TOKEN = "a-token-of-the-tests"
BASE_URL = "/user/ada/"  # as at a hub
HUB = "https://hub.example"
NOT_TRIED = ("jupyterlab", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals", "voila.server_extension")


StartJupyter = Callable[[dict[str, bool]], contextlib.AbstractContextManager["Jupyter"]]


@dataclass(frozen=True)
class Jupyter:
    """A running Jupyter server."""

    port: int
    process: psutil.Process
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}{BASE_URL}"

    def url(self, route: str, port: int, *, token: str = TOKEN) -> str:
        """Return the WebSocket address of a lab server's port, by the route "wslab" or "proxy"."""
        return f"ws://{self.address}{route}/{port}/" + (f"?token={token}" if token else "")

    def cookie(self) -> str:
        """Return the Cookie header of a browser that has logged in."""
        jar = CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        opener.open(f"http://{self.address}api/status?token={TOKEN}").close()
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


@contextlib.contextmanager
def jupyter_server(folder: Path, extensions: dict[str, bool]) -> Iterator[Jupyter]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    private = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        *(
            sys.executable,
            "-m",
            "jupyter_server",
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
        ),
        *(
            "--ServerApp.port_retries=0",
            "--allow-root",
            f"--ServerApp.root_dir={folder}",
            f"--ServerApp.allow_origin={HUB}",
        ),
        *(f"--ServerApp.base_url={BASE_URL}", f"--IdentityProvider.token={TOKEN}"),
        f"--ServerApp.jpserver_extensions={dict.fromkeys(NOT_TRIED, False) | extensions}",
    ]
    environment = os.environ | private | {"JUPYTER_CONFIG_PATH": str(CONFIG)}
    log = folder / "log"
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        jupyter = Jupyter(port, psutil.Process(process.pid), log)
        try:
            wait_until_up(jupyter)
            yield jupyter
        finally:
            process.kill()


def wait_until_up(jupyter: Jupyter) -> None:
    while jupyter.process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            jupyter.cookie()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the Jupyter server did not start:\n{jupyter.log.read_text()}")


@pytest.fixture(scope="session")
def start_jupyter(tmp_path_factory: pytest.TempPathFactory) -> StartJupyter:
    return lambda extensions: jupyter_server(tmp_path_factory.mktemp("jupyter"), extensions)


@pytest.fixture(scope="session")
def jupyter(start_jupyter: StartJupyter) -> Iterator[Jupyter]:
    with start_jupyter({}) as running:
        yield running
