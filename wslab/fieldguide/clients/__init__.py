"""Clients under observation: each sends a message over the limit and reports what its application was told.

One small file per subject. Subjects that are not installed are not measured.
"""

from wslab.fieldguide.clients.orders import ClientReport, Order
from wslab.fieldguide.clients.programs import ProgramSubject
from wslab.fieldguide.clients.subject import Ask, Subject

__all__ = ["CLIENTS", "Ask", "ClientReport", "Order", "ProgramSubject", "Subject"]

CLIENTS: dict[str, Subject] = {
    program.name: program
    for program in (
        ProgramSubject("wslab", "wslab.py", needs="wslab"),
        ProgramSubject("websockets", "websockets.py", needs="websockets"),
        ProgramSubject("aiohttp", "aiohttp.py", needs="aiohttp"),
        ProgramSubject("websocket-client", "websocket_client.py", needs="websocket"),
        ProgramSubject("websocket-client, reading on", "websocket_client_reading_on.py", needs="websocket"),
        ProgramSubject("node-ws", "node_ws.js", needs="ws"),
    )
}
"""The subjects by name. Experiments also take any other `Subject`, such as a page in a browser."""
