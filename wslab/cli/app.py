"""`wslab app`: the panels as a page of their own, without notebook and code, served by Voilà."""

from __future__ import annotations

import importlib.util
import os
from importlib.resources import as_file, files
from typing import Annotated

import typer

from wslab.core.errors import BadValueError

NEEDS_JUPYTERLAB = "@jupyterhub/jupyter-server-proxy"
"""An extension that fails in Voilà's page, where it is installed; the panels do not need it."""


def app(
    port: Annotated[int, typer.Option(min=1024, max=65_535, help="Where it listens, on loopback.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
    dark: Annotated[bool, typer.Option(help="Light letters on dark paper.")] = False,
) -> None:
    """Open the panels as an app in the browser; Ctrl-C ends it. Needs the extra: pip install 'wslab[app]'.

    The address that it prints holds a token, without which nobody gets in. Runs are saved in the folder where it was
    started.
    """
    if importlib.util.find_spec("voila") is None:
        raise BadValueError("the app is served by Voilà, which is not installed: pip install 'wslab[app]'")
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
