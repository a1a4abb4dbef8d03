"""websocket-client, blocking: it does not read while it sends, and a failed send raises the system's error.

Its recv() returns "" for a close frame, without the code; this application calls recv_data(), which shows it.
"""

from __future__ import annotations

from typing import Any

from wslab.core.errors import in_words
from wslab.fieldguide.clients.orders import ClientReport, obey


def send(url: str, payload: bytes, *, reads_on: bool = False) -> ClientReport:
    """Send, and read what comes; an application that `reads_on` also reads after a failed send."""
    from websocket import ABNF, WebSocketConnectionClosedException, create_connection

    connection = create_connection(url, timeout=3600)
    error = None
    try:
        try:
            connection.send_binary(payload)
        except OSError as failure:
            error = in_words(failure)
            if not reads_on:
                return ClientReport(close_code=1006, error=error)
        # recv_data() answers a close frame before it returns it. After a reset of TCP that fails, and the frame is lost
        # once more; recv_frame() answers nothing.
        opcode, data = _next_frame(connection) if reads_on else connection.recv_data()
    except (OSError, WebSocketConnectionClosedException) as failure:
        return ClientReport(close_code=1006, error=error or in_words(failure))
    finally:
        connection.shutdown()
    if opcode != ABNF.OPCODE_CLOSE:
        return ClientReport(close_code=None)
    code = int.from_bytes(data[:2], "big") if data else 1005
    return ClientReport(close_code=code, close_reason=data[2:].decode(), error=error)


def _next_frame(connection: Any) -> tuple[int, bytes]:
    frame = connection.recv_frame()
    return frame.opcode, frame.data


if __name__ == "__main__":
    obey(send)
