"""Check arguments at the call, with errors that teach.

Every message names the argument, its value, the bound, the unit, and what to do. A bad argument is the caller's
mistake and raises here; a network failure is an observation and does not.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from types import UnionType
from urllib.parse import urlsplit

from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.secrets import masked_url


def check_number(
    name: str,
    value: float | None,
    *,
    low: float,
    high: float = math.inf,
    unit: str,
    hint: str = "",
    optional: bool = False,
) -> None:
    """Raise unless `low <= value <= high`; with `optional`, None passes.

    Raises:
        TypeError: `value` is not a number.
        ValueError: `value` is out of bounds or not finite.

    >>> check_number("downtime_s", -1, low=0, high=60, unit="seconds")
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: downtime_s is -1, but must be between 0 and 60 seconds
    """
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        wanted = f"a number {_of(unit)}" + (" or None" if optional else "")
        raise BadTypeError(f"{name} is {value!r}, but must be {wanted}")
    if not (low <= value <= high) or math.isinf(value):
        bound = f"at least {low:,}" if math.isinf(high) else f"between {low:,} and {high:,}"
        raise BadValueError(f"{name} is {value:,}, but must be {bound} {unit}" + (f"; {hint}" if hint else ""))


def check_whole(
    name: str,
    value: int | None,
    *,
    low: int,
    high: float = math.inf,
    unit: str,
    hint: str = "",
    optional: bool = False,
) -> None:
    """Raise unless `value` is an int and `low <= value <= high`; otherwise like `check_number`."""
    if isinstance(value, float):
        raise BadTypeError(f"{name} is {value!r}, but must be a whole number {_of(unit)}")
    check_number(name, value, low=low, high=high, unit=unit, hint=hint, optional=optional)


def check_flag(name: str, value: object, *, optional: bool = False) -> None:
    """Raise TypeError unless `value` is True or False; with `optional`, None passes."""
    if not (isinstance(value, bool) or (value is None and optional)):
        raise BadTypeError(f"{name} is {value!r}, but must be True or False" + (" or None" if optional else ""))


def check_type(name: str, value: object, kind: type | UnionType, wanted: str) -> None:
    """Raise TypeError unless `value` is of type `kind`; `wanted` says what it must be, and how to get it.

    >>> check_type("sizes", 1024, list, "a list of bytes; write [1024]")
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadTypeError: sizes is 1024, but must be a list of bytes; write [1024]
    """
    if not isinstance(value, kind):
        raise BadTypeError(f"{name} is {value!r}, but must be {wanted}")


def check_seed(seed: int) -> None:
    """Raise unless `seed` is a whole number, 0 or above."""
    check_whole("seed", seed, low=0, unit="(any whole number)")


def check_choice(name: str, value: object, choices: Iterable[str], *, hint: str = "") -> None:
    """Raise ValueError, with the nearest names, unless `value` is one of `choices`.

    >>> check_choice("kind", "gracefull", ["graceful", "crash"])
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: kind is 'gracefull'; did you mean 'graceful'? Known: 'graceful', 'crash'
    """
    known = list(choices)
    if value in known:
        return
    near = difflib.get_close_matches(str(value), known, n=3)
    guess = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    raise BadValueError(
        f"{name} is {value!r}{guess} Known: {', '.join(map(repr, known))}" + (f"; {hint}" if hint else "")
    )


def check_url(url: str) -> None:
    """Raise ValueError unless `url` is a WebSocket URL (RFC 6455 §3): ws:// or wss://, a host, no fragment."""
    shown = masked_url(url)
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if the port is not a number
    except (ValueError, AttributeError, TypeError):  # the original message may quote a password
        raise BadValueError(
            f"url is {shown!r}, which is not a URL: its host or port cannot be read; in user info, write / as %2F, "
            "? as %3F, # as %23 and @ as %40"
        ) from None
    if parts.scheme not in ("ws", "wss"):
        suggestion = {"http": "ws", "https": "wss"}.get(parts.scheme)
        fix = f"write {suggestion}://… instead" if suggestion else "it must begin with ws:// or wss://"
        raise BadValueError(f"url is {shown!r}, which is not a WebSocket URL; {fix}")
    if " " in url or not url.isprintable():
        raise BadValueError(
            f"url is {shown!r}, but a URL cannot contain spaces or line breaks; remove them, or write %20"
        )
    if not parts.hostname:
        raise BadValueError(f"url is {shown!r}, which has no host; write, for example, ws://127.0.0.1:8765/")
    if parts.fragment:
        raise BadValueError(f"url is {shown!r}, but a WebSocket URL has no fragment (RFC 6455 §3); remove #…")


def check_origins(origins: Sequence[str]) -> None:
    """Raise unless each is an origin in the form of a page's `location.origin` (RFC 6454 §6.2).

    >>> check_origins(["https://hub/user/ada"])
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: origins has 'https://hub/user/ada', but an origin is scheme://host[:port], as \
location.origin says it
    """
    if isinstance(origins, str):
        raise BadTypeError(f"origins is {origins!r}, but must be a list; write [{origins!r}]")
    for origin in origins:
        scheme, _, host = str(origin).partition("://")
        if not (scheme and host) or set(host) & set("/?#@* ") or origin != origin.lower():
            raise BadValueError(
                f"origins has {origin!r}, but an origin is scheme://host[:port], as location.origin says it"
            )


def _of(unit: str) -> str:
    return unit if unit.startswith("(") else f"of {unit}"
