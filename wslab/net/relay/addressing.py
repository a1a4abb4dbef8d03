"""Rewrites a client's opening request for the target: the relay's address and token out, the target's fields in."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from wslab.core.errors import BadValueError
from wslab.core.target import Target
from wslab.net import reach
from wslab.net.heads import HeadError, read_request

NOT_A_RELAYS = ("greeting", "answers", "template", "subprotocols", "ping_interval_s")
"""Parts of a target that concern messages and pings, of which a relay sends none."""


def check_relayed(target: Target) -> None:
    """Raise BadValueError if the target has parts that only a client can use."""
    given = [name for name in NOT_A_RELAYS if getattr(target, name)]
    if given:
        raise BadValueError(
            f"{' and '.join(given)}: only a client uses these parts of a target, and a relay passes on what clients "
            "send; leave them out here, and let the client say it"
        )


def has_token(resource: str, token: str) -> bool:
    """Return whether the query of a request's resource contains this token."""
    wanted = f"token={token}".encode()
    return any(secrets.compare_digest(part.encode(), wanted) for part in urlsplit(resource).query.split("&"))


def addressed(asked: bytes, target: Target, *, client: int, port: int, token: str | None) -> bytes:
    """Return a client's request as the target gets it; every byte that is not named here stays.

    The path “/” and a Host with the relay's `port` become the target's; the relay's `token` is removed from the query;
    fields of the target, such as Authorization, replace the client's. Bytes that are no request are returned as they
    are.
    """
    try:
        request = read_request(asked)
    except HeadError:
        return asked
    if request is None:
        return asked
    authority, resource, fields = _wanted(target, client)
    line, *lines = asked[: request.head_bytes].splitlines(keepends=True)
    method, _, other = line.partition(b" ")
    old, _, version = other.rpartition(b" ")
    new = _without(old, token)
    kept = [method + b" " + (resource.encode() if new == b"/" else new) + b" " + version]
    replaced = {name.lower().encode() for name in fields}
    is_own_host = any(name.lower() == "host" for name in target.headers)
    for each in lines[:-1]:
        name, _, value = each.partition(b":")
        if name.lower() == b"host" and (is_own_host or value.strip().endswith(f":{port}".encode())):
            kept.append(f"Host: {authority}\r\n".encode())
        elif name.lower() not in replaced:
            kept.append(each)
    added = [f"{name}: {value}\r\n".encode() for name, value in fields.items()]
    return b"".join([*kept, *added, lines[-1], asked[request.head_bytes :]])


def _wanted(target: Target, client: int) -> tuple[str, str, dict[str, str]]:
    """Return authority, resource and fields as `reach.asked` does, without the User-Agent of this package's clients."""
    authority, resource, fields = reach.asked(target, client)
    if target.user_agent is None and not any(name.lower() == "user-agent" for name in target.headers):
        fields.pop("User-Agent", None)
    return authority, resource, fields


def _without(resource: bytes, token: str | None) -> bytes:
    if token is None:
        return resource
    path, _, query = resource.partition(b"?")
    kept = b"&".join(part for part in query.split(b"&") if not part.startswith(b"token="))
    return path + (b"?" + kept if kept else b"")
