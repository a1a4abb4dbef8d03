"""Record what clients see through proxies, anew: `.venv/bin/python data/record_proxies.py`.

Each proxy stands in front of a lab server whose limit is exceeded and which restarts, once saying 1001 and once saying
1012. A proxy that is not installed is left out, and its runs stay as they are: nginx, haproxy (Debian's packages), and
jupyter-server-proxy (`pip install jupyter-server-proxy`).
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from wslab import Knobs, LabServer, send_message
from wslab.core.runs import Run
from wslab.experiments import stay_connected

FOLDER = Path(__file__).parent
LIMIT_BYTES = 65_536

NGINX = """\
daemon off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}
"""
HAPROXY = """\
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
listen lab
  bind 127.0.0.1:{port}
  server lab 127.0.0.1:{behind}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listens on port {port}")


def nginx(port: int, behind: int, folder: Path) -> list[str]:
    (folder / "conf").write_text(NGINX.format(port=port, behind=behind, folder=folder), encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(folder / "conf")]


def haproxy(port: int, behind: int, folder: Path) -> list[str]:
    (folder / "conf").write_text(HAPROXY.format(port=port, behind=behind), encoding="utf-8")
    return ["haproxy", "-f", str(folder / "conf")]


def jupyter_server_proxy(port: int, behind: int, folder: Path) -> list[str]:
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    return [sys.executable, "-m", "jupyter", "server", *options, f"--ServerApp.root_dir={folder}"]


PROXIES = {"nginx": nginx, "haproxy": haproxy, "jupyter-server-proxy": jupyter_server_proxy}
INSTALLED = {
    "nginx": shutil.which("nginx"),
    "haproxy": shutil.which("haproxy"),
    "jupyter-server-proxy": find_spec("jupyter_server_proxy"),
}


@contextlib.contextmanager
def in_front_of(server: LabServer, proxy: str) -> Iterator[str]:
    """Run a proxy, and yield the URL by which it leads to the server."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = PROXIES[proxy](port, server.port, Path(folder))
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            path = f"proxy/{server.port}/" if proxy == "jupyter-server-proxy" else ""
            yield f"ws://127.0.0.1:{port}/{path}"
        finally:
            process.terminate()
            process.wait()


def too_big(url: str) -> Run:
    return send_message(url, "x" * (LIMIT_BYTES + 1))


def restarts(server: LabServer, url: str) -> Run:
    """Keep a client connected while the server restarts twice, saying 1001 and then 1012."""

    def restart() -> None:
        time.sleep(1.5)
        server.restart("reload", restart_code=1012)
        time.sleep(2.5)
        server.restart()

    meanwhile = threading.Thread(target=restart)
    meanwhile.start()
    run = stay_connected(url, "constant", duration_s=8)
    meanwhile.join()
    return run


if __name__ == "__main__":
    for name in ("directly", *PROXIES):
        if name != "directly" and not INSTALLED[name]:
            print(f"{name} is not installed")
            continue
        knobs = Knobs(max_message_bytes=LIMIT_BYTES, restart_code=1001, restart_reason="", downtime_s=0.2)
        with LabServer(knobs) as lab, contextlib.ExitStack() as stack:
            way = lab.url if name == "directly" else stack.enter_context(in_front_of(lab, name))
            runs = {"too-big": too_big(way), "restarts": restarts(lab, way)}
        prefix = name if name == "directly" else f"through-{name}"
        for what, run in runs.items():
            print(run.save(FOLDER / f"{prefix}-{what}.jsonl"), [closure.close_code for closure in run.closures])
