# /// script
# [tool.wslab]
# program = "caddy"
# debian = ["caddy"]
# variants = ["websockets-asyncio", "aiohttp"]
# ///
"""caddy before a server, with its defaults. Run: PORT PORT_BEHIND."""

import os
import sys
from pathlib import Path

CONFIGURATION = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  reverse_proxy 127.0.0.1:{behind}
}}
"""

file = Path.cwd() / "Caddyfile"  # in a folder of its own
file.write_text(CONFIGURATION.format(port=sys.argv[1], behind=sys.argv[2]))
os.environ["HOME"] = str(file.parent)  # where it would keep certificates
os.execvp("caddy", ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"])
