# /// script
# [tool.wslab]
# program = "haproxy"
# debian = ["haproxy"]
# variants = ["websockets-asyncio", "aiohttp"]
# ///
"""haproxy before a server, with the timeouts that it is commonly given, and none for tunnels. Run: PORT PORT_BEHIND."""

import os
import sys
from pathlib import Path

CONFIGURATION = """
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
listen echo
  bind 127.0.0.1:{port}
  server echo 127.0.0.1:{behind}
"""

file = Path.cwd() / "haproxy.cfg"  # in a folder of its own
file.write_text(CONFIGURATION.format(port=sys.argv[1], behind=sys.argv[2]))
os.execvp("haproxy", ["haproxy", "-q", "-f", str(file)])
