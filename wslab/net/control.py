"""The channel between the lab and its child processes: JSON lines on the child's stdin and stdout.

Commands go down, events come up. Each program defines its own (`wslab.net.server.server_protocol`,
`wslab.net.herds.worker_protocol`); this module has what they share. `at_s` is on the machine's monotonic clock, which
all its processes share.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="message"):
    """The base of commands and events, tagged with its kind."""


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Event: all imports are done; the first command will be carried out at once."""


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """Event: a command could not be carried out; `error` says why."""

    error: str


class Program(NamedTuple):
    """A program of the lab: the module that a child process runs, and its protocol.

    Fields:
        events: the union of its events, apart from `Ready` and `Failed`.
        raises: the exception that the parent raises if the process fails.
    """

    module: str
    events: Any
    raises: type[RuntimeError]


encode = msgspec.json.Encoder(enc_hook=str).encode  # of values that JSON lacks, only paths occur


def decoder(messages: Any) -> msgspec.json.Decoder[Any]:
    """Return a decoder for lines of a channel, from a union of its messages.

    Its `decode` raises msgspec.DecodeError on any other line.
    """
    return msgspec.json.Decoder(messages, dec_hook=lambda kind, text: kind(text))
