"""A Jupyter server extension: the way from a page to a lab server that changes no close code.

A page at a JupyterHub reaches loopback through the Jupyter server alone. jupyter-server-proxy takes it there, as
`{base_url}proxy/{port}/`, and ends one WebSocket to begin another: it calls `close()` without code and reason for
whatever the other side said, so both sides see 1005 (`ProxyHandler.on_close` and `message_cb` in its `handlers.py`,
4.6.0); it accepts the page's handshake before it has tried the server, so that one that is down looks open, then 1006
(https://github.com/jupyterhub/jupyter-server-proxy/issues/459, and /pull/38); it has a message limit of its own, 10 MiB
(/issues/493), and sends 1009 itself; and it hands on the page's Origin, which a lab server refuses at a hub's address.

This extension serves `{base_url}wslab/{port}/` instead. Once the opening handshake is through it carries bytes and
reads no frame. Close codes and reasons in both directions, an empty close frame (1005), an end without any (1006, as
FIN or as RST), fragments, compression, subprotocols and pings are therefore those of the two ends. It reads on only
when what it read is written, some 65,536 bytes at a time, and has no message limit: a 1009 is never its own.

Who gets through: users whom Jupyter has authenticated and authorised to `execute` `wslab`, from pages of an origin that
Jupyter allows, to ports on which a lab server of the same account listens (`wslab.jupyter.lookup`), and to nothing
else. To the server it passes the handshake's own headers alone: no cookie, no token, no path, and no Origin, since
Jupyter has judged that already and the lab server's rule is for pages that come to loopback by themselves.

A server that cannot be reached is a failed handshake: 502 where nobody listens, otherwise the server's own answer, such
as 503 with Retry-After; a page is told only that it failed, as everywhere in a browser. One thing differs from a direct
connection: where Jupyter itself speaks TLS, which cannot half-close, a page that is still sending when the server ends
may lose the close frame that it had not yet read, and report 1006.

Installed with wslab it is on. It must be installed where the Jupyter server runs, beside the kernel's machine:

    jupyter server extension list                  # says whether it is
    jupyter server extension disable wslab.jupyter
    jupyter lab --ServerApp.jpserver_extensions="{'wslab.jupyter': True}"
"""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

from wslab.jupyter.handler import LabServerHandler


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "wslab.jupyter"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    route = url_path_join(app.base_url, "wslab", r"([0-9]{1,5})", "/?")
    app.web_app.add_handlers(".*$", [(route, LabServerHandler)])  # type: ignore[no-untyped-call]
