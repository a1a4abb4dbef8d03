# /// script
# [tool.wslab]
# program = "nginx"
# debian = ["nginx-light"]
# variants = ["websockets-asyncio", "aiohttp"]
# ///
"""nginx before a server, with no timeout of its own set. Run: PORT PORT_BEHIND."""

import os
import sys
from pathlib import Path

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
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

folder = Path.cwd()  # one of its own
file = folder / "nginx.conf"
file.write_text(CONFIGURATION.format(folder=folder, port=sys.argv[1], behind=sys.argv[2]))
os.execvp("nginx", ["nginx", "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")])
