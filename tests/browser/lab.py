"""Owns the tests' own JupyterLab: configured as that of `make lab`, away from what the user keeps of Jupyter."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).parents[2]
TOKEN = "of-the-browser-tests"
READY_WITHIN_S = 60
LEAVES_WITHIN_S = 10
ABANDONED_AFTER_S = 300

OPTIONS = {
    "ServerApp.open_browser": False,
    "ServerApp.port_retries": 0,
    "IdentityProvider.token": TOKEN,
    "LabApp.expose_app_in_browser": True,  # window.jupyterapp, whose commands the tests call
    # Tests that were killed take nothing down; what they leave behind then ends by itself.
    "ServerApp.shutdown_no_activity_timeout": ABANDONED_AFTER_S,
    "MappingKernelManager.cull_idle_timeout": ABANDONED_AFTER_S,
    "MappingKernelManager.cull_interval": ABANDONED_AFTER_S // 5,
}


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that answers at `url` and serves the notebooks in `folder`.

    `idle` are sessions whose notebook is closed and whose kernel is as good as new, each with the folder it works in.
    """

    url: str
    folder: Path
    pid: int
    _settings: Path
    idle: list[tuple[str, Path]] = field(default_factory=list)

    def forget_settings(self) -> None:
        """Forget what a test has changed in JupyterLab's settings, such as the theme."""
        shutil.rmtree(self._settings, ignore_errors=True)


@contextlib.contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Start JupyterLab with everything that it writes in `home`; at the end nothing that it started runs any more."""
    folder = home / "notebooks"
    folder.mkdir()
    (folder / "data").symlink_to(ROOT / "data")  # a lesson is copied into a folder beside it
    write_config(home / "config")
    with socket.create_server(("127.0.0.1", 0)) as free:  # jupyter-server writes down 0 for one that it is to choose
        options = OPTIONS | {"ServerApp.port": free.getsockname()[1]}
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    with (home / "log.txt").open("w") as log:
        process = psutil.Popen(command, cwd=folder, env=environment(home), stdout=log, stderr=log)
    try:
        yield Lab(_url_when_ready(process, home), folder, process.pid, home / "settings")
    finally:
        end(process)


def write_config(folder: Path) -> None:
    """Switch off what each start would pay for and no test uses: Voilà, and the check whether to build JupyterLab."""
    (folder / "labconfig").mkdir(parents=True)
    server = {"ServerApp": {"jpserver_extensions": {"voila.server_extension": False}}}
    page = {"buildAvailable": False, "buildCheck": False}
    (folder / "jupyter_server_config.json").write_text(json.dumps(server), encoding="utf-8")
    (folder / "labconfig" / "page_config.json").write_text(json.dumps(page), encoding="utf-8")


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a Jupyter program that keeps everything in `home` and runs this copy of wslab."""
    private = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    lab = {f"JUPYTERLAB_{name}_DIR": str(home / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    return {
        **os.environ,
        **private,
        **lab,
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_PATH": str(ROOT / "jupyter"),
        "PYTHONPATH": str(ROOT),  # the kernels try this copy of the package, whichever is installed
    }


def _url_when_ready(process: psutil.Popen, home: Path) -> str:
    """Return the address that the server has written down, once it answers there."""
    written = home / "runtime" / f"jpserver-{process.pid}.json"
    give_up_at = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up_at and process.poll() is None:
        with contextlib.suppress(OSError, json.JSONDecodeError):  # not yet there, or half of it, or nobody answers
            url = str(json.loads(written.read_text(encoding="utf-8"))["url"])
            urlopen(f"{url}api", timeout=READY_WITHIN_S).close()
            return url
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not start within {READY_WITHIN_S} s:\n{(home / 'log.txt').read_text()}")


def end(process: psutil.Popen) -> None:
    """End the server, which ends its kernels; then whoever is left, since each kernel leads a group of its own."""
    everyone = process.children(recursive=True) if process.is_running() else []
    process.terminate()
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(LEAVES_WITHIN_S)
    for left in [process, *everyone]:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()
    psutil.wait_procs([process, *everyone], timeout=LEAVES_WITHIN_S)
