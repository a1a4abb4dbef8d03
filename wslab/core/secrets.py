"""Secrets: referred to by name, read when a connection is made, and never shown.

User info, query values, headers and cookies all count as secrets: only their owner can tell a token from a language. A
URL is shown with its query's names, and with the last two characters of long values.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, unquote_plus

from wslab.core.errors import BadValueError, in_words

HIDDEN = "…"
MAX_SECRET_BYTES = 65_536

SHOWN_FROM = 16
"""The last two characters of a secret are shown if it has at least this many, to tell which secret it was."""

REDACTED_FROM = 6
"""A secret of at least this many characters is also searched for in other texts; shorter ones are common words."""

REFERENCE = re.compile(r"\{(env|file):([^{}]+)\}")


def expand(text: str) -> str:
    """Return a text with each reference replaced by its secret.

    `{env:NAME}` refers to an environment variable, `{file:PATH}` to the first line of a file.

    Raises:
        BadValueError: the variable is not set, or the file cannot be read or is empty.
    """
    return REFERENCE.sub(lambda found: _kept(*found.groups()), text)


def kept_in(text: str) -> list[str]:
    """Return the secrets that a text refers to."""
    return [_kept(*found.groups()) for found in REFERENCE.finditer(text)]


def readable_by_others(text: str) -> list[str]:
    """Return a warning for each file that a text refers to and that other users of this machine may read."""
    files = [Path(found[2]).expanduser() for found in REFERENCE.finditer(text) if found[1] == "file"]
    return [
        f"other users of this machine may read {file}; protect it: chmod 600 {file}"
        for file in files
        if stat.S_IMODE(file.stat().st_mode) & 0o044
    ]


def _kept(kind: str, place: str) -> str:
    if kind == "file":
        return _first_line(Path(place).expanduser())
    value = os.environ.get(place, "")
    if not value:
        raise BadValueError(f"the environment has no {place}; set it first: export {place}=…")
    return value


@dataclass(frozen=True, slots=True)
class Redaction:
    """Removes known secrets from any text, such as a server's answer that repeats them."""

    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, url: str, values: Iterable[str]) -> Redaction:
        """Look for the secrets of `url`, and for these values, each in plain and in encoded form."""
        found = {form for value in (*_hidden(url), *values) for form in _forms(value) if len(form) >= REDACTED_FROM}
        return cls(tuple(sorted(found, key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets in it."""
        for secret in self.secrets:
            if secret in text:
                text = text.replace(secret, mask(secret))
        return text


def mask(secret: str) -> str:
    """Return what may be shown of a secret; a reference is shown as it is.

    >>> mask("swordfish"), mask("eyJhbGciOiJIUzI1NiJ9.e30.x7"), mask("{env:TOKEN}")
    ('…', '…x7', '{env:TOKEN}')
    """
    if REFERENCE.fullmatch(secret):
        return secret
    return HIDDEN + secret[-2:] if len(secret) >= SHOWN_FROM else HIDDEN


def masked_url(url: str) -> str:
    """Return a URL, or an attempt at one, without user info and query values.

    >>> masked_url("ws://ada:swordfish@example.org/chat?token=swordfish&room=")
    'ws://…@example.org/chat?token=…&room='
    """
    url, sharp, _ = str(url).partition("#")
    address, mark, query = url.partition("?")
    scheme, slashes, rest = address.rpartition("://") if "://" in address else ("", "", address)
    authority, slash, path = rest.partition("/")
    port = authority.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    if port and not port.isdecimal():  # a password with a slash or question mark in it ends up here
        authority, path = f"{authority.partition(':')[0]}:{HIDDEN}", path.rpartition("@")[2]
    if "@" in authority:
        authority = f"{HIDDEN}@{authority.rpartition('@')[2]}"
    shown = "&".join(map(_masked_part, query.split("&")))
    return scheme + slashes + authority + slash + path + mark + shown + (sharp and f"#{HIDDEN}")


_QUERY = re.compile(r"(?<=[?&])([\w.\-\[\]]{1,64})=[^&\s\"'<>]+")
_USER = re.compile(r"(?<=://)[^/\s@\"'<>]+@")
_NAMED = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|[\w-]{0,32}(?:api[-_]?key|token|secret|password))"
    r"([\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|digest) )?[^\s\"',;}&]+"
)


def without_secrets(text: str) -> str:
    """Return a text from elsewhere, such as a log line, without anything that looks like a secret.

    >>> print(without_secrets("GET /feed?token=abc123&lang=ja HTTP/1.1, Authorization: Bearer abc, wss://me:pw@host/"))
    GET /feed?token=…&lang=… HTTP/1.1, Authorization: …, wss://…@host/
    """
    text = _QUERY.sub(rf"\1={HIDDEN}", text)
    text = _USER.sub(f"{HIDDEN}@", text)
    return _NAMED.sub(rf"\1\2{HIDDEN}", text)


def _masked_part(part: str) -> str:
    name, equals, value = part.partition("=")
    if not equals:
        return HIDDEN if name else ""
    return name + equals + (mask(value) if value else "")


def _hidden(url: str) -> list[str]:
    address, _, query = url.partition("?")
    userinfo = address.partition("://")[2].partition("/")[0].rpartition("@")[0]
    pairs = [part.partition("=") for part in query.partition("#")[0].split("&")]
    basic = [base64.b64encode(unquote(userinfo).encode()).decode()] if userinfo else []
    return [*userinfo.split(":", 1), *basic, *(value if equals else name for name, equals, value in pairs)]


def _forms(value: str) -> set[str]:
    bare = re.sub(r"(?i)^(bearer|token|basic) +", "", value)  # servers quote the token without its scheme
    return {value, bare, unquote(value), unquote_plus(value)}


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadValueError(f"the secret's file {path} cannot be read: {in_words(error, named=False)}") from None
    if not line:
        raise BadValueError(f"the secret's file {path} is empty; its first line must be the secret")
    return line
