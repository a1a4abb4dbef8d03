"""A panel with a lab server of its own, which runs while somebody looks at the panel or uses it."""

from __future__ import annotations

import threading
from typing import Any

from wslab.core.knobs import Knobs
from wslab.net import runtime
from wslab.net.server.lab_server import LabServer
from wslab.panels.panel import Panel


class ServedPanel(Panel):
    """The base of panels that talk to a server: started when first needed, stopped when nobody looks any more.

    One whose process is ended from outside is noticed, said, and replaced by the next button that is pressed.
    """

    def __init__(self, **values: Any) -> None:
        self._server: LabServer | None = None
        self._watch: runtime.Job[None] | None = None
        self._starting = threading.Lock()
        self._onlookers = 0
        super().__init__(**values)

    def knobs(self) -> Knobs:
        """Return what the server is to be started with."""
        raise NotImplementedError

    def origins(self) -> tuple[str, ...]:
        """Return whose pages the server is to admit, beside those that come from this machine."""
        return ()

    def server(self) -> LabServer:
        """Return the running server; start one if there is none, or if the one there was does not serve any more."""
        with self._starting:
            if self._server is None or not _serves(self._server):
                self._retire()
                self._server = LabServer(self.knobs(), origins=self.origins()).start()
                self._watch = runtime.start(self._notice_death(self._server))
                self.scene = self.scene | {"server": {"url": self._server.url, "alive": True}}
            return self._server

    def prepare(self) -> None:
        """Start what the panel needs before a button is pressed."""
        self.server()

    def on_visible(self, visible: bool) -> None:
        self._onlookers = max(0, self._onlookers + (1 if visible else -1))
        if visible:
            self.prepare()
        elif not self._onlookers and not self.busy:
            self.close_server()

    def close_server(self) -> None:
        """Stop the server; the next use starts another."""
        with self._starting:
            self._retire()

    def close(self) -> None:
        self.close_server()
        super().close()

    def _retire(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._server is not None:
            self._server.stop()
        self._server = self._watch = None

    async def _notice_death(self, server: LabServer) -> None:
        await server.died()
        self.scene = self.scene | {"server": {"url": server.url, "alive": False}}
        self.say("the server's process was ended from outside; the next button starts another", "failed")


def _serves(server: LabServer) -> bool:
    """Return whether it lives, and did not stay down because its last restart was stopped half-way."""
    return server.alive and all(restart.up_at_s is not None for restart in server.restarts[-1:])
