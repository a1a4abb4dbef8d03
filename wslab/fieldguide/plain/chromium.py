# /// script
# dependencies = ["playwright"]
# [tool.wslab]
# debian = ["chromium"]
# program = "chromium"
# ///
"""A page in headless Chromium. Run: URL PAYLOAD_BYTES (0: send nothing)."""

import json
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from playwright.sync_api import sync_playwright

PAGE = """([url, payloadBytes]) => new Promise((done) => {
  const told = { close_code: null, close_reason: null, error: null };
  const websocket = new WebSocket(url);
  websocket.onopen = () => payloadBytes && websocket.send(new Uint8Array(payloadBytes));
  websocket.onerror = () => (told.error = "an error event");
  websocket.onclose = (event) => done({ ...told, close_code: event.code, close_reason: event.reason });
})"""

# Servers look at the origin of a page, so it comes from this machine; that it says 501 does not matter.
server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    print(json.dumps(page.evaluate(PAGE, [sys.argv[1], int(sys.argv[2])])), flush=True)
    browser.close()
