"""The channel between the lab and its processes: JSON lines on the process's stdin and stdout.

Commands go down, events come up. Each room that has a program defines its own (`wslab.net.server.server_protocol`,
`wslab.net.herds.worker_protocol`); here is what is the same for all. `at_s` is the machine's monotonic clock, which all
its processes share.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="message"):
    """The base of commands and events, tagged with its kind."""


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Event: everything is imported; the first command will be carried out at once."""


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """Event: a command could not be carried out; `error` says why."""

    error: str


class Program(NamedTuple):
    """A program of the lab: the module that a child process runs, and how it is spoken with.

    Fields:
        events: the union of its events, beside `Ready` and `Failed`.
        raises: what its parent raises when the process fails.
    """

    module: str
    events: Any
    raises: type[RuntimeError]


encode = msgspec.json.Encoder(enc_hook=str).encode  # of what JSON has no word for, there are paths only


def decoder(words: Any) -> msgspec.json.Decoder[Any]:
    """Return what reads a line of a channel with these words, a union of messages.

    Its `decode` raises msgspec.DecodeError on any other line.
    """
    return msgspec.json.Decoder(words, dec_hook=lambda kind, text: kind(text))
