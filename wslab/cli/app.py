"""`wslab app`: the panels as a page, without notebook and code, served by Voilà."""

from __future__ import annotations

import importlib.util
import os
from importlib.resources import as_file, files
from typing import Annotated

import typer

from wslab.core.errors import BadValueError

NEEDS_JUPYTERLAB = "@jupyterhub/jupyter-server-proxy"
"""An extension that, if installed, fails in Voilà's page; the panels do not need it."""


def app(
    port: Annotated[int, typer.Option(min=1024, max=65_535, help="Port to listen on, on loopback.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
    dark: Annotated[bool, typer.Option(help="Use the dark theme.")] = False,
) -> None:
    """Open the panels as an app in the browser; Ctrl-C ends it. Needs the extra: pip install 'wslab[app]'.

    The address that it prints contains a token, which every visitor needs. Runs are saved in the current folder.
    """
    if importlib.util.find_spec("voila") is None:
        raise BadValueError("the app needs Voilà, which is not installed: pip install 'wslab[app]'")
    from wslab.app import PanelApp

    with as_file(files("wslab") / "app") as folder:
        data = os.pathsep.join(filter(None, [str(folder / "share"), os.environ.get("JUPYTER_PATH")]))
        options = [
            *("--template=wslab", f"--theme={'dark' if dark else 'light'}"),
            f"--VoilaConfiguration.extension_denylist={NEEDS_JUPYTERLAB}",
            *(f"--port={port}", "--Voila.ip=127.0.0.1"),
            *([] if browser else ["--no-browser"]),
        ]
        os.environ["JUPYTER_PATH"] = data
        PanelApp.launch_instance([str(folder / "panels.ipynb"), *options])
