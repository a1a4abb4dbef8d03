"""Record the captures in this folder anew, from servers of the lab: `.venv/bin/python data/captures/record.py`.

HARs need Chromium; that of mitmproxy also `mitmdump` on the PATH or in `MITMDUMP`. Captures of packets need tshark and
the right to capture (root, or the group wireshark).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import trustme
import websockets
from playwright.sync_api import sync_playwright

from wslab import Knobs, LabServer, payload_sweep, restart_drill

HERE = Path(__file__).parent
LIMIT_BYTES = 65_536

PAGE = """<script>
const socket = new WebSocket(URL);
socket.onopen = () => {
  socket.send("hello");
  socket.send(new Uint8Array([1, 2, 3, 255]));
  setTimeout(() => socket.send("x".repeat(70000)), 300);
};
socket.onclose = ({code, wasClean}) => { document.title = `closed ${code} ${wasClean}`; };
</script>"""


# HARs


@contextlib.contextmanager
def page_with(url: str) -> Iterator[str]:
    """Yield the address of a page that opens a WebSocket to `url`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text(PAGE.replace("URL", json.dumps(url)))

        class Quiet(SimpleHTTPRequestHandler):
            def __init__(self, *args: object) -> None:
                super().__init__(*args, directory=folder)  # type: ignore[arg-type]

            def log_message(self, *words: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def browse(url: str, *, har: Path | None = None, proxy: str | None = None) -> None:
    """Open the page, and wait until its WebSocket is closed."""
    with page_with(url) as page_url, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--proxy-bypass-list=<-loopback>"]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=flags, proxy={"server": proxy} if proxy else None
        )
        context = browser.new_context(record_har_path=har) if har else browser.new_context()
        page = context.new_page()
        page.goto(page_url)
        page.wait_for_function("document.title.startsWith('closed')")
        context.close()
        browser.close()


def record_playwright() -> None:
    with LabServer(Knobs(max_message_bytes=LIMIT_BYTES)) as server:
        browse(server.url, har=HERE / "playwright-too-big.har")
    with page_with("ws://unused/") as not_a_websocket:
        browse(not_a_websocket.replace("http", "ws") + "feed", har=HERE / "playwright-rejected.har")
    for path in HERE.glob("playwright-*.har"):
        shorten(path)


EXPORT = """async () => {
  const {NetworkLog} = await import("./models/logs/logs.js");
  const {Log} = await import("./models/har/har.js");
  const requests = NetworkLog.NetworkLog.instance().requests();
  return JSON.stringify({log: await Log.Log.build(requests, {sanitize: true})});
}"""
"""What DevTools itself does when somebody presses its button “Export HAR”."""


def record_devtools() -> None:
    """Let one Chromium's DevTools, which are a page, watch another Chromium."""
    port, path = free_port(), HERE / "devtools-too-big.har"
    with (
        LabServer(Knobs(max_message_bytes=LIMIT_BYTES)) as server,
        page_with(server.url) as page_url,
        chromium_at(port),
        sync_playwright() as playwright,
    ):
        [target] = [each for each in json.load(urlopen(f"http://127.0.0.1:{port}/json")) if each["type"] == "page"]
        watching = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tools = watching.new_page()
        page = f"127.0.0.1:{port}/devtools/page/{target['id']}"
        tools.goto(f"http://127.0.0.1:{port}/devtools/inspector.html?ws={page}&panel=network")
        tools.wait_for_timeout(3000)
        watched = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}").contexts[0].pages[0]
        watched.goto(page_url)
        watched.wait_for_function("document.title.startsWith('closed')")
        tools.wait_for_timeout(1000)
        path.write_text(tools.evaluate(EXPORT))
    shorten(path)


@contextlib.contextmanager
def chromium_at(port: int) -> Iterator[None]:
    """Run a Chromium that lets itself be watched at a port."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-allow-origins=*",
            f"--user-data-dir={profile}",
        ]
        command = ["chromium", f"--remote-debugging-port={port}", *flags, "about:blank"]
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until_open(port)
        yield
        child.terminate()
        child.wait()


def record_mitmproxy() -> None:
    program = os.environ.get("MITMDUMP") or shutil.which("mitmdump")
    if program is None:
        print("mitmdump is not installed; its HAR stays as it is", file=sys.stderr)
        return
    path, port = HERE / "mitmproxy-too-big.har", free_port()
    with LabServer(Knobs(max_message_bytes=LIMIT_BYTES)) as server:
        child = subprocess.Popen([program, "-q", "-p", str(port), "--set", f"hardump={path}"])
        wait_until_open(port)
        browse(server.url, proxy=f"http://127.0.0.1:{port}")
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        child.wait()
    shorten(path)


def shorten(path: Path) -> None:
    """Keep the entries of WebSockets alone, and of long contents the length: they are what a reader needs."""
    har = json.loads(path.read_text())
    har["log"]["entries"] = [entry for entry in har["log"]["entries"] if "ws" in entry["request"]["url"][:3] or
                             entry.get("_webSocketMessages")]  # fmt: skip
    har["log"].pop("pages", None)
    path.write_text(json.dumps(har, indent=1) + "\n")


# Packets


@contextlib.contextmanager
def capturing(path: Path, port: int, *, snap_bytes: int = 0) -> Iterator[None]:
    """Capture what goes through a port of loopback; of each packet at most `snap_bytes`, where that is not 0."""
    command = ["tshark", "-q", "-s", str(snap_bytes), "-i", "lo", "-f", f"tcp port {port}", "-w", str(path)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    while "Capture started" not in child.stderr.readline():
        pass
    time.sleep(0.5)
    yield
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    child.wait()
    path.chmod(0o644)


def record_too_big() -> None:
    with LabServer(Knobs(max_message_bytes=4096)) as server, capturing(HERE / "too-big.pcapng", server.port):
        payload_sweep(server, [1000, 4096, 5000, 1000])


def record_restart() -> None:
    knobs = Knobs(downtime_s=0.5)
    with LabServer(knobs) as server, capturing(HERE / "restart.pcapng", server.port):
        restart_drill(server, clients=3, kind="graceful", downtime_s=0.5)
    with LabServer(knobs) as server, capturing(HERE / "crash.pcapng", server.port):
        restart_drill(server, clients=3, kind="crash", downtime_s=0.5)


def record_reset() -> None:
    """A server that closes TCP with unread data: its 1009 is on the wire, and a reset behind it; packets are cut."""
    knobs = Knobs(max_message_bytes=4096, after_refusal="reset")
    with LabServer(knobs) as server, capturing(HERE / "reset.pcapng", server.port, snap_bytes=512):
        payload_sweep(server, [1000, 2_000_000])


def record_tls() -> None:
    """The same in TLS, with its key log, and with the keys inside of the capture."""
    path, keys, port = HERE / "tls.pcapng", HERE / "tls.keys", free_port()
    authority = trustme.CA()
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(asking)
    keys.unlink(missing_ok=True)
    asking.keylog_filename = str(keys)

    async def converse() -> None:
        async def echo(connection: websockets.ServerConnection) -> None:
            with contextlib.suppress(websockets.WebSocketException):
                async for message in connection:
                    await connection.send(message)

        async with websockets.serve(echo, "127.0.0.1", port, ssl=serving, max_size=1000, compression=None):
            options = {"ssl": asking, "server_hostname": "localhost", "compression": None}
            async with websockets.connect(f"wss://127.0.0.1:{port}/feed", **options) as client:
                await client.send("hello")
                await client.recv()
                with contextlib.suppress(websockets.WebSocketException):
                    await client.send("x" * 5000)
                    await client.recv()

    with capturing(path, port):
        asyncio.run(converse())


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def wait_until_open(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens on port {port}")


RECORDERS: tuple[Callable[[], None], ...] = (
    record_playwright,
    record_devtools,
    record_mitmproxy,
    record_too_big,
    record_restart,
    record_reset,
    record_tls,
)

if __name__ == "__main__":
    for recorder in RECORDERS:
        if len(sys.argv) == 1 or recorder.__name__.removeprefix("record_") in sys.argv[1:]:
            recorder()
