"""The program of a lab server's child process: a `websockets` server under `Knobs`.

It owns its connections and their accounts. It reads commands from stdin and writes events to stdout
(`wslab.net.server.server_protocol`), and it exits when its parent dies, however that happens: no orphan keeps a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Origin

from wslab.core.knobs import Knobs
from wslab.core.records import Account
from wslab.net import control, inflating, machine, parent
from wslab.net.listening import BACKLOG
from wslab.net.origins import LOOPBACK_ORIGIN
from wslab.net.server import server_protocol
from wslab.net.server.lab_connection import LabConnection

TRY_AGAIN_LATER = (1013, "try again later")

HANDSHAKE_TIMEOUT_S = 120.0


class LabProgram:
    """The child process: one server, from the command to listen to the command to leave."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.knobs = Knobs()
        self.name = ""
        self.start = 0
        self._connections_seen = 0
        self._server: Server | None = None
        self._open = asyncio.Event()
        self._left = asyncio.Event()
        self._unwritten: list[bytes] = []
        self._next_admission_at = 0.0

    def next_connection_id(self) -> str:
        self._connections_seen += 1
        return f"{self.name}{self.start}-{self._connections_seen}"

    # Commands

    async def obey(self, command: server_protocol.Command) -> None:
        try:
            match command:
                case server_protocol.Listen():
                    await self._listen(command)
                case server_protocol.Open():
                    self._open.set()
                    self.tell(server_protocol.ListenerOpened(at_s=time.monotonic()))
                case server_protocol.Tune(knobs=knobs, open_ones_too=open_ones_too):
                    self._tune(knobs, open_ones_too)
                case server_protocol.Leave():
                    await self._leave(command)
        except OSError as error:
            self.tell(control.Failed(error=str(error)))

    async def _listen(self, command: server_protocol.Listen) -> None:
        self.name, self.start = command.name, command.start
        self.knobs = command.knobs
        if not command.standing_in:
            self._open.set()
        self._server = await serve(
            self._converse,
            sock=socket.socket(fileno=command.descriptor),
            origins=[None, LOOPBACK_ORIGIN, *map(Origin, command.origins)],  # any site's page can reach loopback
            compression=None,  # each connection offers it if its knobs say so
            process_request=self._admit,
            process_response=self._sign,
            create_connection=self._connection,  # type: ignore[arg-type]  # any factory will do
            open_timeout=HANDSHAKE_TIMEOUT_S,
            backlog=BACKLOG,
        )

    def _tune(self, knobs: Knobs, open_ones_too: bool) -> None:
        self.knobs = knobs
        if open_ones_too:
            for connection in self._connections():
                connection.apply_limits(knobs)
        self.tell(server_protocol.Tuned())

    async def _leave(self, command: server_protocol.Leave) -> None:
        if self._server is not None:  # it may be told to leave before it listens
            await self._close(self._server, command)
        self._left.set()

    async def _close(self, server: Server, command: server_protocol.Leave) -> None:
        server.close(close_connections=False)
        self.tell(server_protocol.ListenerClosed(at_s=time.monotonic()))
        await self._part_from_all(command)
        deadline = self.loop.time() + self.knobs.close_timeout_s
        while server.handler_tasks and self.loop.time() < deadline:
            await asyncio.wait(server.handler_tasks, timeout=deadline - self.loop.time())
        for connection in server.all_connections:
            connection.transport.abort()
        await asyncio.sleep(0)

    async def _part_from_all(self, command: server_protocol.Leave) -> None:
        # Send all close frames first, then wait: awaiting each closing handshake in turn would stretch a restart of
        # thousands of clients over seconds, and callers that want that have `drain_s`.
        connections = self._connections()
        batch = len(connections) if not command.drain_s else command.drain_batch or 1
        batches = [connections[i : i + batch] for i in range(0, len(connections), batch or 1)]
        began = self.loop.time()
        for number, part in enumerate(batches):
            await asyncio.sleep(began + number * command.drain_s / len(batches) - self.loop.time())
            for connection in part:
                connection.part(command.code, command.reason, because=command.because)

    def _connections(self) -> list[LabConnection]:
        connections = self._server.connections if self._server else ()
        return [connection for connection in connections if isinstance(connection, LabConnection)]

    # Connections

    def _connection(self, protocol: ServerProtocol, server: Server, **options: Any) -> LabConnection:
        knobs = self.knobs
        if knobs.compression:
            protocol.available_extensions = inflating.accepted()
        options |= {
            "ping_interval": knobs.ping_interval_s,
            "ping_timeout": knobs.ping_timeout_s,
            "close_timeout": knobs.close_timeout_s,
        }
        return LabConnection(self, protocol, server, **options)

    async def _admit(self, connection: ServerConnection, _request: Request) -> Response | None:
        while_down = self.knobs.while_down
        if self._open.is_set() and self.knobs.handshake_status is not None:
            return self._refuse(connection, self.knobs.handshake_status, "refused\n")
        if not self._open.is_set() and while_down == "unavailable":
            return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, "restarting\n")
        if not self._open.is_set() and while_down == "hang":
            await self._open.wait()
            connection.transport.abort()  # as if a hung process was replaced
        elif self.knobs.max_admissions_per_s is not None:
            await self._take_turn(self.knobs.max_admissions_per_s)
        return None

    def _refuse(self, connection: ServerConnection, status: int, words: str) -> Response:
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, words)
        if status != response.status_code:  # any status, even one without a standard name
            response.status_code, response.reason_phrase = status, "Refused"
        if self.knobs.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.knobs.retry_after_s)
        return response

    async def _take_turn(self, admissions_per_s: float) -> None:
        now = self.loop.time()
        turn = max(now, self._next_admission_at)
        self._next_admission_at = turn + 1 / admissions_per_s
        await asyncio.sleep(turn - now)

    def _sign(self, connection: ServerConnection, _request: Request, response: Response) -> Response:
        assert isinstance(connection, LabConnection)
        response.headers["X-Wslab-Connection"] = connection.connection_id
        return response

    async def _converse(self, connection: ServerConnection) -> None:
        assert isinstance(connection, LabConnection)
        connection.begin()
        if not self._open.is_set():
            flaps = self.knobs.while_down == "flap"
            code, reason = (self.knobs.restart_code, self.knobs.restart_reason) if flaps else TRY_AGAIN_LATER
            connection.part(code, reason, because="while_down")
        with contextlib.suppress(ConnectionClosed):  # the account says how
            if connection.knobs.greeting is not None:
                await connection.send(connection.knobs.greeting)
            async for message in connection:
                await self._reply(connection, message)
                if connection.knobs.close_after_message:
                    connection.close_because("close_after_message")

    async def _reply(self, connection: LabConnection, message: str | bytes) -> None:
        match connection.knobs.reply:
            case "echo":
                await connection.send(message)
            case "deny":
                await connection.send(connection.knobs.denial)
            case int() as reply_bytes:
                await connection.send(bytes(reply_bytes))

    # Reports

    def report(self, account: Account) -> None:
        self.tell(server_protocol.Accounted(account=account))

    def tell(self, event: control.Message) -> None:
        # One write per iteration of the loop: thousands of closures must not become thousands of system calls.
        if not self._unwritten:
            self.loop.call_soon(self.flush)
        self._unwritten.append(control.encode(event) + b"\n")

    def flush(self) -> None:
        sys.stdout.buffer.write(b"".join(self._unwritten))
        sys.stdout.buffer.flush()
        self._unwritten.clear()

    async def run(self) -> None:
        threading.Thread(target=self._hear, daemon=True).start()
        self.tell(control.Ready())
        await self._left.wait()
        self.flush()
        parent.leave()

    def _hear(self) -> None:
        # In a thread, to notice the end of stdin even while the loop is busy inflating a message.
        for command in parent.commands(server_protocol.Command):
            task = asyncio.run_coroutine_threadsafe(self.obey(command), self.loop)
            task.add_done_callback(lambda done: done.result())  # puts a bug on stderr, which the parent keeps


async def main() -> None:
    parent.leave_after_it()
    machine.raise_open_files()
    await LabProgram(asyncio.get_running_loop()).run()


if __name__ == "__main__":
    asyncio.run(main())
