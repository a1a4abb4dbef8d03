"""What a product says in one situation, and how to read it. Phrases may know products; findings may not."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Literal

import msgspec

from wslab.core.codes.registry import REGISTRY
from wslab.core.records import ClosedBy, Statement

Speaker = Literal["client", "server", "proxy"]
ToldBy = Literal["received", "sent", "assumed"]

MAX_WORDS = 500
"""Characters kept of a line."""

_OTHER: dict[Speaker | None, ClosedBy] = {"client": "server", "server": "client"}
_NUMBERS = {"limit": "limit_bytes", "size": "payload_bytes", "code": "close_code", "status": "http_status"}


class Phrase(msgspec.Struct, frozen=True, dict=True):
    """A pattern, and what a text that matches it means.

    Fields:
        pattern: a regular expression to search for; its groups `code`, `name`, `reason`, `limit`, `size` and `status`
            capture the code, its name, the reason and the numbers.
        meaning: one sentence. leaves_open: what the text does not say.
        speaker: the side on which the product runs; None if it may be either.
        told_by: how the speaker knows the code. close_code: the code, if the text implies it without naming it.
        closed_by: which side closed, if the text says so: "peer" or "speaker".
        example: a line that matches, as it was logged or as the source has it.
        source: "owner/repository@commit:path", or the address of a document.
    """

    subject: str
    pattern: str
    meaning: str
    leaves_open: str
    example: str
    source: str
    speaker: Speaker | None = None
    told_by: ToldBy | None = None
    close_code: int | None = None
    closed_by: Literal["peer", "speaker", "network"] | None = None

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def read(self, line: str, at: str | None = None) -> Statement | None:
        """Return what a line says, if it contains this phrase."""
        found = self.regex.search(line)
        if found is None:
            return None
        groups = found.groupdict()
        numbers = {name: _whole(groups.get(group)) for group, name in _NUMBERS.items()}
        return Statement(
            subject=self.subject,
            words=line[:MAX_WORDS],
            at=at,
            speaker=self.speaker,
            close_code=numbers["close_code"] or code_named(groups.get("name")) or self.close_code,
            close_reason=(groups.get("reason") or "").strip() or None,
            told_by=self.told_by,
            closed_by=self._closed_by(),
            limit_bytes=numbers["limit_bytes"],
            payload_bytes=numbers["payload_bytes"],
            http_status=numbers["http_status"],
            meaning=self.meaning,
            leaves_open=self.leaves_open or None,
            source=self.source,
        )

    def _closed_by(self) -> ClosedBy | None:
        if self.closed_by == "network":
            return "network"
        if self.closed_by is None or self.speaker not in _OTHER:
            return None
        return _OTHER[self.speaker] if self.closed_by == "peer" else "server" if self.speaker == "server" else "client"


def code_named(name: str | None) -> int | None:
    """Return the close code with this name in the registry, however it is spelled.

    >>> code_named("MessageTooBig"), code_named("going away"), code_named("odd"), code_named(None)
    (1009, 1001, None, None)
    """
    wanted = re.sub("[^a-z]", "", (name or "").lower())
    known = {re.sub("[^a-z]", "", entry.name.lower()): code for code, entry in REGISTRY.items()}
    return next((code for own, code in known.items() if len(own) > 8 and wanted.startswith(own)), None)


def _whole(digits: str | None) -> int | None:
    number = re.sub(r"[,_ ]", "", digits or "")
    return int(number) if number.isdecimal() and len(number) < 19 else None


WHO_FIRST = "which side closed first, where both frames are not named"
NO_FRAME = "whether a limit, a restart, an idle timeout, a proxy or the network ended it: no close frame came"
WHICH_LIMIT = (
    "whether the limit is the server's own or that of a proxy in front of it, and whether it counts frames or messages"
)
WHY_REJECTED = "whether the server or a proxy in front of it answered, and why"
