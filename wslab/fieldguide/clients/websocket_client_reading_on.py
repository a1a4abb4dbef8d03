"""websocket-client in an application that reads once more after a failed send, and so finds the close frame."""

from __future__ import annotations

import functools

from wslab.fieldguide.clients.orders import obey
from wslab.fieldguide.clients.websocket_client import send

if __name__ == "__main__":
    obey(functools.partial(send, reads_on=True))
