"""How a search goes about its trials: what the caller says of messages and host, and what the server asks for."""

from __future__ import annotations

import msgspec

from wslab.core.limits.trials import Content


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says of the messages and the host.

    Fields:
        least_bytes: the smallest message that there can be. contents: what may be sent; the first that passes is.
        is_filler: messages are one character over and over, so that another content may be tried.
        other_sources: connections may come from other loopback addresses.
        again_after_s: how long to wait before what was found is tried once more, at the end.
        is_local: the host is this machine, which may be asked more often, and again after it said no.
    """

    least_bytes: int = 1
    contents: tuple[Content, ...] = ("text", "binary")
    is_filler: bool = True
    other_sources: bool = False
    again_after_s: float = 0.0
    is_local: bool = True


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How the search goes about its trials, lest anything but their size decide.

    Fields:
        fresh: every message on a connection of its own. pause_s: before every trial. grace_s: a closure that comes so
            late still belongs to the message. bytes_per_s: of one message's payload. tries: a message counts as
            refused only where so many are. from_anywhere: every connection from another address.
    """

    fresh: bool = False
    pause_s: float = 0.0
    grace_s: float = 0.0
    bytes_per_s: float = float("inf")
    tries: int = 1
    from_anywhere: bool = False
