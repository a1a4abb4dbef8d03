"""Messages that a server accepts: a template makes a valid one of exactly the requested size.

Many servers reject a string of `a` as invalid JSON or an unknown command, and never judge its size. A template is a
valid message with `{filler}` where it may grow: `{"op": "echo", "data": "{filler}"}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wslab.core.errors import BadTypeError, BadValueError, in_words

FILLER = "{filler}"
FILL = "a"
MAX_SMALLEST_BYTES = 65_536
"""The smallest message of a callable is searched for up to this size."""

Message = str | bytes
TemplateLike = str | bytes | Callable[[int], Message]


@dataclass(frozen=True, slots=True)
class Template:
    """Makes messages of any size in bytes (text: encoded as UTF-8).

    Args:
        source: text that contains `{filler}` once, for text messages; bytes that do, for binary ones; or a callable
            that takes a size in bytes and returns a message of exactly that size, or raises ValueError if it cannot.
            Text that begins and ends like JSON must be JSON at every size.

    Fields:
        min_bytes: size of the smallest message.

    Raises:
        BadTypeError, BadValueError: `source` is none of these, or made a message of the wrong size when tried.

    >>> Template('{"data": "{filler}"}').make(16)
    '{"data": "aaaa"}'
    """

    source: TemplateLike
    min_bytes: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if isinstance(self.source, str | bytes):
            count = self.source.count(self._hole)  # type: ignore[arg-type]
            if count != 1:
                raise BadValueError(
                    f"template contains {FILLER} {count} times, but must contain it once, where the message may grow"
                )
            object.__setattr__(self, "min_bytes", _size(self.source) - len(FILLER))
            self._check_json()
        elif not callable(self.source):
            raise BadTypeError(
                f"template is {type(self.source).__name__}, but must be text or bytes with {FILLER}, or a callable"
            )
        else:
            object.__setattr__(self, "min_bytes", _smallest(self.source))
            self.make(self.min_bytes)
            self.make(self.min_bytes + 1000)

    def make(self, payload_bytes: int) -> Message:
        """Return a message of exactly `payload_bytes` bytes.

        Raises:
            BadValueError: no message is that small, or the callable made another size.
        """
        if isinstance(self.source, str | bytes):
            return self._filled(payload_bytes)
        try:
            made = self.source(payload_bytes)
        except ValueError as error:
            raise BadValueError(
                f"the template cannot make a message of {payload_bytes:,} bytes: {in_words(error, named=False)}"
            ) from None
        if not isinstance(made, str | bytes):
            raise BadTypeError(f"the template made {type(made).__name__}, but a message is str or bytes")
        if _size(made) != payload_bytes:
            raise BadValueError(
                f"the template made {_size(made):,} bytes, but {payload_bytes:,} were requested; text counts in UTF-8"
            )
        return made

    def described(self) -> str:
        """Return a description in one line."""
        if isinstance(self.source, str):
            return self.source
        return getattr(self.source, "__name__", "") or repr(self.source)[:200]

    @property
    def is_text(self) -> bool:
        return isinstance(self.make(self.min_bytes) if callable(self.source) else self.source, str)

    @property
    def _hole(self) -> Message:
        return FILLER if isinstance(self.source, str) else FILLER.encode()

    def _filled(self, payload_bytes: int) -> Message:
        count = payload_bytes - self.min_bytes
        if count < 0:
            raise BadValueError(
                f"a message of {payload_bytes:,} bytes was requested, but this template takes at least "
                f"{self.min_bytes:,} bytes"
            )
        if isinstance(self.source, str):
            return self.source.replace(FILLER, FILL * count)
        assert isinstance(self.source, bytes)
        return self.source.replace(FILLER.encode(), FILL.encode() * count)

    def _check_json(self) -> None:
        if not isinstance(self.source, str):
            return
        bare = self.source.replace(FILLER, "").strip()
        if bare[:1] + bare[-1:] not in ("{}", "[]"):
            return
        for size in (self.min_bytes, self.min_bytes + 1, self.min_bytes + 2):
            try:
                json.loads(self.make(size))
            except ValueError as error:
                raise BadValueError(
                    f"template is not valid JSON at {size:,} bytes: {in_words(error, named=False)}; "
                    f'put {FILLER} between quotation marks, as in {{"data": "{FILLER}"}}'
                ) from None


def as_template(template: TemplateLike | Template) -> Template:
    """Return a template as it is, or a new one from its source."""
    return template if isinstance(template, Template) else Template(template)


def _smallest(make: Callable[[int], Any]) -> int:
    """Return the smallest size that a callable makes, by bisection: it makes all larger sizes too."""
    low, high = 0, MAX_SMALLEST_BYTES
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _makes(make, middle) else (middle + 1, high)
    return low


def _makes(make: Callable[[int], Any], payload_bytes: int) -> bool:
    try:
        made = make(payload_bytes)
    except ValueError:
        return False
    return isinstance(made, str | bytes) and _size(made) == payload_bytes


def _size(message: Message) -> int:
    return len(message.encode() if isinstance(message, str) else message)
