"""The panels as a page, without a notebook: Voilà, open only to the user who started it.

Voilà itself requires no token, accepts any Host, and starts a kernel for each GET. This one requires a token (a new one
each time, or JUPYTER_TOKEN), refuses foreign Hosts, and so rebound names, and starts at most `MAX_KERNELS`.
"""

from __future__ import annotations

import tempfile
import webbrowser
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from voila.app import Voila

MAX_KERNELS = 8
"""Each page has its own kernel of some 150 MB."""

IDLE_S = 1800
"""A kernel ends after this long without a connected page and without work."""


class FewKernels(AsyncMappingKernelManager):
    """A bounded number of kernels, which run in the user's folder, not in that of the installed notebook."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cull_idle_timeout=IDLE_S, **options)  # type: ignore[no-untyped-call]
        self._starting = 0

    async def start_kernel(self, **options: Any) -> str:  # type: ignore[override]  # as Voilà calls it
        if len(self) + self._starting >= MAX_KERNELS:
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, reason=f"{MAX_KERNELS} pages are open; close one of them")
        self._starting += 1
        try:
            return str(await super().start_kernel(**options))
        finally:
            self._starting -= 1

    def cwd_for_path(self, path: str, **_: Any) -> str:
        return str(Path.cwd())


class PanelApp(Voila):  # type: ignore[misc]  # it comes without types
    """Voilà with a token and few kernels."""

    def init_settings(self) -> dict[str, Any]:
        self.auto_token = True
        self.voila_configuration.multi_kernel_manager_class = FewKernels
        return {**super().init_settings(), "allow_remote_access": False}

    def launch_browser(self) -> None:
        """Open the page through a file that only this user can read, because other users can read command lines."""
        url = f"{self.connection_url}?token={self.identity_provider.token}"
        with tempfile.NamedTemporaryFile("w", suffix=".html", delete=False) as file:
            file.write(
                f'<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url={url}">'
            )
        self._opener = Path(file.name)
        webbrowser.open(self._opener.as_uri())

    def stop(self) -> None:
        if opener := getattr(self, "_opener", None):
            opener.unlink(missing_ok=True)
        super().stop()
