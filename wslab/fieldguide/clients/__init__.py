"""Clients under observation: each sends a message over the limit, and says what its application was told of the end.

One small file a subject. What is not installed here says so and is not measured.
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
"""The subjects known by name; where one is asked for, any other `Subject` will do, such as a page in a browser."""
