"""The options that say what is under test and how to reach it, shared by every command that connects to a server."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Optional, TypeVar

import typer
from rich.console import Console

from wslab.core.dialogues import parse_answer
from wslab.core.errors import BadValueError, in_words
from wslab.core.printable import printable
from wslab.core.target import Target
from wslab.core.target_files import load_target
from wslab.core.trust import Trust

PANEL = "The server, and how to reach it"

R = TypeVar("R")


class _Option(NamedTuple):
    name: str
    kind: Any
    help: str


_TEXT = Optional[str]  # noqa: UP045
_TEXTS = Optional[list[str]]  # noqa: UP045
_PATH = Optional[Path]  # noqa: UP045
_NUMBER = Optional[float]  # noqa: UP045
"""Typer needs types, not expressions."""

_OPTIONS = (
    _Option("header", _TEXTS, "'Name: value' for the opening handshake; {env:NAME} inserts a secret. Repeatable."),
    _Option("cookie", _TEXTS, "name=value; {env:NAME} inserts a secret. Repeatable."),
    _Option("cookies", _PATH, "File of cookies (Netscape format); those for the URL are sent."),
    _Option("token_env", _TEXT, "Environment variable that holds a bearer token."),
    _Option("token_file", _PATH, "File whose first line is a bearer token."),
    _Option("subprotocol", _TEXTS, "A subprotocol to offer. Repeatable."),
    _Option("origin", _TEXT, "Origin of the opening handshake."),
    _Option("user_agent", _TEXT, "User-Agent of the opening handshake."),
    _Option("greeting", _TEXTS, "'> text' is sent first on each connection, '< text' awaited. Repeatable."),
    _Option("answer", _TEXTS, "'received => sent': how to answer a message such as a heartbeat. Repeatable."),
    _Option("template", _TEXT, "A message with {filler} where it may grow; @FILE reads it from a file."),
    _Option("binary", bool, "The template makes a binary message."),
    _Option("ca", _PATH, "Trust this authority's certificate (PEM) instead of the system's."),
    _Option("insecure", bool, "Accept any certificate; the result says so."),
    _Option("cert", _PATH, "Client certificate (PEM)."),
    _Option("key", _PATH, "Its key (PEM), if that is in another file."),
    _Option("server_name", _TEXT, "Name to ask for in TLS (SNI), if it is not the URL's host."),
    _Option("resolve", _TEXT, "Address, or address:port, to connect to instead of the URL's host."),
    _Option("unix_socket", _PATH, "Socket to connect to instead of the URL's host."),
    _Option("proxy", _TEXT, "http, socks5h, socks5 or socks4 URL of a proxy. Not given: no proxy."),
    _Option("open_timeout", _NUMBER, "Seconds for TCP, TLS and opening handshake together. Not given: 10."),
    _Option("ping_interval", _NUMBER, "Seconds between keepalive pings; 0: none."),
    _Option(
        "ping_timeout", _NUMBER, "Seconds to wait for a pong before the connection counts as closed. Not given: 20."
    ),
    _Option("i_may_probe", _TEXTS, "A host other than this machine that you may probe. Repeatable."),
    _Option("targets", _PATH, "File of targets. Not given: $WSLAB_TARGETS, else targets.toml."),
)


def with_target(command: Callable[..., R]) -> Callable[..., R]:
    """Replace the parameter `target` of a command by an argument for the URL and an option for everything else.

    If the parameter defaults to None, the argument is optional. Errors of the target are raised before the command
    begins; warnings, for example that no certificate will be checked, go to stderr.
    """
    own = inspect.signature(command, eval_str=True).parameters
    is_optional = own["target"].default is None

    @functools.wraps(command)
    def called(url: str = "", **options: Any) -> R:
        given = {each.name: options.pop(each.name) for each in _OPTIONS}
        target = None if is_optional and not url else _target(url, given)
        for warning in target.warnings() if target is not None else ():
            Console(stderr=True).print(printable(f"wslab: warning: {warning}"), soft_wrap=True, markup=False)
        return command(target=target, **options)

    url = typer.Argument(help="ws:// or wss:// URL, or the name of a target in targets.toml.")
    argument = inspect.Parameter("url", _KEYWORD, default="" if is_optional else _EMPTY, annotation=Annotated[str, url])
    parameters = [
        *(argument if name == "target" else each.replace(kind=_KEYWORD) for name, each in own.items()),
        *map(_parameter, _OPTIONS),
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


_KEYWORD, _EMPTY = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty


def _parameter(option: _Option) -> inspect.Parameter:
    about = typer.Option(f"--{option.name.replace('_', '-')}", help=option.help, rich_help_panel=PANEL)
    default = False if option.kind is bool else None
    return inspect.Parameter(option.name, _KEYWORD, default=default, annotation=Annotated[option.kind, about])


def _target(url: str, given: Mapping[str, Any]) -> Target:
    """Return the target of a URL or a name, changed by the options."""
    named = Target(url) if "://" in url else load_target(url, given["targets"])
    return named.replace(**_lists(named, given), **_singles(given), **_trust(named, given))


def _lists(named: Target, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the repeatable options, added to what the named target has."""
    changes: dict[str, Any] = {}
    if given["header"]:
        changes["headers"] = {**named.headers, **_pairs("header", given["header"], ":")}
    if given["cookie"]:
        before = {} if isinstance(named.cookies, Path) else named.cookies
        changes["cookies"] = {**before, **_pairs("cookie", given["cookie"], "=")}
    if given["subprotocol"]:
        changes["subprotocols"] = given["subprotocol"]
    if given["greeting"]:
        changes["greeting"] = given["greeting"]
    if given["answer"]:
        changes["answers"] = {**named.answers, **dict(map(parse_answer, given["answer"]))}
    if given["i_may_probe"]:
        changes["allow_hosts"] = [*named.allow_hosts, *given["i_may_probe"]]
    return changes


def _singles(given: Mapping[str, Any]) -> dict[str, Any]:
    names = {"open_timeout": "open_timeout_s", "ping_interval": "ping_interval_s", "ping_timeout": "ping_timeout_s"}
    names |= {name: name for name in ("origin", "user_agent", "resolve", "unix_socket", "proxy")}
    changes = {field: given[name] for name, field in names.items() if given[name] is not None}
    if given["cookies"] is not None:
        if given["cookie"]:
            raise BadValueError("--cookie and --cookies are given; give a file of them, or some by name")
        changes["cookies"] = given["cookies"]
    if given["token_env"] is not None and given["token_file"] is not None:
        raise BadValueError("--token-env and --token-file are given, but a request has one token; give one of them")
    if given["token_env"] is not None:
        changes["token"] = f"{{env:{given['token_env']}}}"
    if given["token_file"] is not None:
        changes["token"] = f"{{file:{given['token_file']}}}"
    if given["template"] is not None:
        changes["template"] = _template(given["template"], given["binary"])
    return changes


def _template(text: str, is_binary: bool) -> str | bytes:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadValueError(
                f"--template is {text!r}, which cannot be read: {in_words(error, named=False)}"
            ) from None
    return text.encode() if is_binary else text


def _trust(named: Target, given: Mapping[str, Any]) -> dict[str, Any]:
    names = {"ca": "ca", "insecure": "insecure", "cert": "certificate", "key": "key", "server_name": "server_name"}
    changes = {field: given[name] for name, field in names.items() if given[name]}
    return {"trust": Trust(**{**_given_trust(named.trust), **changes})} if changes else {}


def _given_trust(trust: Trust) -> dict[str, Any]:
    names = ("ca", "insecure", "certificate", "key", "server_name")
    return {name: value for name in names if (value := getattr(trust, name))}


def _pairs(option: str, lines: Sequence[str], separator: str) -> dict[str, str]:
    pairs = {}
    for line in lines:
        name, found, value = line.partition(separator)
        if not found or not name.strip():
            shown = "name=value" if separator == "=" else "'Name: value'"
            raise BadValueError(f"--{option} is not {shown}: it has no {separator!r} after a name")
        pairs[name.strip()] = value.strip()
    return pairs
