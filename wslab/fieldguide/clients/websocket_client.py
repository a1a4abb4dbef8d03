"""websocket-client, blocking: while it sends it does not read, and a failed send is an error of the system's.

Its recv() returns "" for a close frame, code unseen; this application asks recv_data(), which shows it.
"""

from __future__ import annotations

from wslab.core.errors import in_words
from wslab.fieldguide.clients.orders import Answer, obey


def send(url: str, payload: bytes) -> Answer:
    from websocket import ABNF, WebSocketConnectionClosedException, create_connection

    connection = create_connection(url, timeout=3600)
    try:
        connection.send_binary(payload)
        opcode, data = connection.recv_data()
    except (OSError, WebSocketConnectionClosedException) as error:
        return Answer(close_code=1006, error=in_words(error))
    finally:
        connection.shutdown()  # type: ignore[no-untyped-call]
    if opcode != ABNF.OPCODE_CLOSE:
        return Answer(close_code=None)
    code = int.from_bytes(data[:2], "big") if data else 1005
    return Answer(close_code=code, close_reason=data[2:].decode())


if __name__ == "__main__":
    obey(send)
