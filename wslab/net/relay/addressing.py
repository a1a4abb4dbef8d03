"""A client's opening request on its way to the target: the relay's address and token out, the target's fields in."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from wslab.core.errors import BadValueError
from wslab.core.target import Target
from wslab.net import reach
from wslab.net.heads import HeadError, read_request

NOT_A_RELAYS = ("greeting", "answers", "template", "subprotocols", "ping_interval_s")
"""Parts of a target that are said after the opening or answered by the client: a relay says nothing of its own."""


def check_relayed(target: Target) -> None:
    """Raise BadValueError where the target has what only a client can do."""
    given = [name for name in NOT_A_RELAYS if getattr(target, name)]
    if given:
        raise BadValueError(
            f"{' and '.join(given)}: the target has what a client says, but a relay passes on what its clients say; "
            "leave it out here, and let the client say it"
        )


def has_token(resource: str, token: str) -> bool:
    """Whether the query of a request's resource holds this token."""
    wanted = f"token={token}".encode()
    return any(secrets.compare_digest(part.encode(), wanted) for part in urlsplit(resource).query.split("&"))


def addressed(asked: bytes, target: Target, *, client: int, port: int, token: str | None) -> bytes:
    """Return a client's request as the target is to have it; every byte that is not named here stays.

    The path “/” becomes the target's; a Host with the relay's `port` becomes the target's; the relay's `token` leaves
    the query; and fields that the target has, such as Authorization, replace the client's. What cannot be read as a
    request is returned as it is.
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
    """Return authority, resource and fields as `reach.asked`, but without the User-Agent of this package's clients."""
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
