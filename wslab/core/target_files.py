"""`targets.toml`: a team's targets by name, so that `wslab probe staging` is all you type.

Each target is a table with the fields of `Target` and `Trust`; secrets are given by reference:

    [staging]
    url = "wss://staging.example.org/ws"
    token = "{env:STAGING_TOKEN}"
    allow_hosts = ["staging.example.org"]
    greeting = ['> {"type": "connection_init"}', "< connection_ack"]

Paths are relative to the file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from wslab.core.errors import BadValueError, in_words
from wslab.core.secrets import REFERENCE
from wslab.core.target import Target
from wslab.core.trust import Trust

FILE = "targets.toml"
VARIABLE = "WSLAB_TARGETS"
"""The environment variable that names another file."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A target's table; None: not given (TOML has no null)."""

    url: str
    headers: dict[str, str] | None = None
    cookies: dict[str, str] | str | None = None
    token: str | None = None
    subprotocols: list[str] | None = None
    origin: str | None = None
    user_agent: str | None = None
    greeting: str | list[str] | None = None
    answers: dict[str, str] | None = None
    template: str | None = None
    resolve: str | None = None
    unix_socket: str | None = None
    proxy: str | None = None
    open_timeout_s: float | None = None
    close_timeout_s: float | None = None
    ping_interval_s: float | None = None
    ping_timeout_s: float | None = None
    allow_hosts: list[str] | None = None
    ca: str | None = None
    insecure: bool | None = None
    certificate: str | None = None
    key: str | None = None
    server_name: str | None = None


_TRUST = ("ca", "insecure", "certificate", "key", "server_name")
_PATHS = ("ca", "certificate", "key", "unix_socket", "cookies")


def load_target(name: str, file: Path | None = None) -> Target:
    """Return the target of this name.

    Args:
        file: None: the one that `WSLAB_TARGETS` names, else `targets.toml` in the current folder.

    Raises:
        BadValueError: there is no such file or name, or the target's description is wrong; the message says where.
    """
    path = file or Path(os.environ.get(VARIABLE) or FILE)
    tables = _read(path, name)
    if name not in tables:
        near = difflib.get_close_matches(name, tables, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise BadValueError(f"{path} has no target {name!r}{guess} It has: {', '.join(map(repr, tables)) or 'none'}")
    try:
        return _target(msgspec.convert(tables[name], _Entry), path.parent)
    except (msgspec.ValidationError, BadValueError, TypeError) as error:
        raise BadValueError(f"{path}, target {name!r}: {error}") from None


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise BadValueError(
            f"{name!r} is neither a ws:// or wss:// URL nor a target: there is no {path}. Write that file, one table "
            f"per target, or set {VARIABLE} to another one"
        ) from None
    except (OSError, ValueError) as error:
        raise BadValueError(f"{path} cannot be read as TOML: {in_words(error, named=False)}") from None


def _target(entry: _Entry, folder: Path) -> Target:
    given = {key: value for key, value in msgspec.structs.asdict(entry).items() if value is not None}
    for key in _PATHS:
        if isinstance(given.get(key), str):
            given[key] = folder / Path(given[key]).expanduser()
    if "token" in given and not REFERENCE.search(given["token"]):
        raise BadValueError("token is a plain secret, but this file takes references only: '{env:NAME}', '{file:PATH}'")
    trust = {key: given.pop(key) for key in _TRUST if key in given}
    return Target(**given, trust=Trust(**trust))
