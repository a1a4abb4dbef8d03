"""A target: what is under test and everything needed to reach it, described once and accepted wherever a URL is.

A target may hold secrets and is still safe to print: its repr and `described` show names but no values. Texts may refer
to a secret, `{env:NAME}` or `{file:PATH}`; headers, cookies and greeting may refer to a herd's client, `{client}`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wslab.core.arguments import check_number, check_url
from wslab.core.dialogues import Step, as_dialogue, check_answers
from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.headers import check_header, check_subprotocols, cookies_for, own_user_agent
from wslab.core.permission import check_hosts, check_permission, is_allowed, is_this_machine
from wslab.core.secrets import Redaction, expand, kept_in, masked_url, readable_by_others
from wslab.core.target_description import described
from wslab.core.templates import Template, TemplateLike, as_template
from wslab.core.trust import Trust
from wslab.core.ways import check_proxy, check_unix_socket, override

CLIENT = "{client}"


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """What to connect to, and how.

    Args:
        url: ws:// or wss://; user info is sent as Basic authorization.
        headers: added to the opening handshake. origin, user_agent: its Origin and User-Agent.
        cookies: by name; or a cookie file as exported by browsers and curl, of which those for this URL are sent.
        token: sent as `Authorization: Bearer …`; preferably a reference.
        subprotocols: to offer, the preferred one first.
        greeting: for each new connection: a text to send, or a list of `> text` to send and `< text` to wait for a
            message that contains it.
        answers: texts from the server, such as an application's heartbeat, each with the text to send back.
        template: makes valid messages; see `Template`.
        trust: TLS; see `Trust`.
        resolve: address, or address:port, to connect to instead of the URL's host.
        unix_socket: path of a socket to connect to instead.
        proxy: an http, socks5h, socks5, socks4a or socks4 URL; the environment's proxies are ignored.
        open_timeout_s: for TCP, TLS, proxy and opening handshake together, and for each awaited step of the greeting.
        close_timeout_s: for the closing handshake, after which the client ends TCP.
        ping_interval_s: seconds between keepalive pings; 0: no pings. None: the experiment decides.
        ping_timeout_s: how long the client waits for a pong before it closes with 1011.
        allow_hosts: hosts, other than this machine, that the user may probe.

    Raises:
        BadTypeError, BadValueError: an argument is out of bounds, or a file or secret is missing. Nothing is sent.
    """

    url: str
    _: KW_ONLY
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] | Path = field(default_factory=dict)
    token: str | None = None
    subprotocols: Sequence[str] = ()
    origin: str | None = None
    user_agent: str | None = None
    greeting: str | Sequence[str | Step] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    template: Template | TemplateLike | None = None
    trust: Trust = field(default_factory=Trust)
    resolve: str | None = None
    unix_socket: Path | None = None
    proxy: str | None = None
    open_timeout_s: float = 10.0
    close_timeout_s: float = 5.0
    ping_interval_s: float | None = None
    ping_timeout_s: float = 20.0
    allow_hosts: Collection[str] = ()

    def __post_init__(self) -> None:
        check_url(expand(self.url))
        check_number("open_timeout_s", self.open_timeout_s, low=0.01, high=600, unit="seconds")
        check_number("close_timeout_s", self.close_timeout_s, low=0.01, high=600, unit="seconds")
        check_number("ping_interval_s", self.ping_interval_s, low=0, high=3600, unit="seconds", optional=True)
        check_number("ping_timeout_s", self.ping_timeout_s, low=0.01, high=3600, unit="seconds")
        check_hosts(self.allow_hosts)
        self._settle("greeting", as_dialogue(self.greeting))
        self._settle("template", None if self.template is None else as_template(self.template))
        check_answers(self.answers)
        check_subprotocols(self.subprotocols)
        self._check_way()
        for name, value in self.fields().items():
            check_header(name, value)

    def __repr__(self) -> str:
        shown = "".join(f", {name}={value!r}" for name, value in self.described().items())
        return f"Target({self.shown_url!r}{shown})"

    # What is sent

    @property
    def sent_url(self) -> str:
        """The URL with its secrets filled in, for the wire only."""
        return expand(self.url)

    def fields(self, client: int | None = 0) -> dict[str, str]:
        """Return the further header fields of the opening handshake, for this client of a herd.

        None leaves `{client}` in place, for a caller with many clients.
        """
        fields = {"User-Agent": self.user_agent or own_user_agent()}
        if self.origin is not None:
            fields["Origin"] = self.origin
        if self.token is not None:
            fields["Authorization"] = f"Bearer {self.token}"
        if cookies := self._cookies():
            fields["Cookie"] = cookies
        own = {name.lower() for name in self.headers}
        fields = {name: value for name, value in fields.items() if name.lower() not in own} | dict(self.headers)
        number = CLIENT if client is None else str(client)
        return {name: expand(value.replace(CLIENT, number)) for name, value in fields.items()}

    @property
    def steps(self) -> tuple[Step, ...]:
        """The greeting, step by step."""
        return as_dialogue(self.greeting)

    @property
    def messages(self) -> Template | None:
        """The template for this target's messages; None: any text is valid."""
        return None if self.template is None else as_template(self.template)

    def said(self, step: Step, client: int = 0) -> str:
        """Return the text of a step as sent or awaited."""
        return expand(step.text.replace(CLIENT, str(client)))

    # Where it goes

    @property
    def secure(self) -> bool:
        return urlsplit(self.sent_url).scheme == "wss"

    @property
    def host(self) -> str:
        """The server's host: the address in `resolve`, else the URL's host."""
        return self.address[0] if self.resolve is not None else (urlsplit(self.sent_url).hostname or "")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port for TCP, or for a proxy to connect to."""
        parts = urlsplit(self.sent_url)
        port = parts.port or (443 if self.secure else 80)
        return (parts.hostname or "", port) if self.resolve is None else override(self.resolve, port)

    @property
    def server_name(self) -> str:
        """The name for TLS (SNI)."""
        return self.trust.server_name or urlsplit(self.sent_url).hostname or ""

    @property
    def is_this_machine(self) -> bool:
        """Whether the server is on this machine. Never through a proxy: there, localhost is the proxy's."""
        return self.unix_socket is not None or (self.proxy is None and is_this_machine(self.host))

    def check_permission(self) -> None:
        """Raise BadValueError unless the server is this machine's or `allow_hosts` names its host."""
        if self.is_this_machine or (self.proxy is not None and is_allowed(self.host, self.allow_hosts)):
            return
        if self.proxy is not None and is_this_machine(self.host):
            raise BadValueError(
                f"{self.host} behind a proxy is the proxy's own machine, not this one; "
                f"if you may probe it, say so: allow_hosts=[{self.host!r}], "
                f"on the command line --i-may-probe {self.host}"
            )
        check_permission(self.host, self.allow_hosts)

    # What is shown

    @property
    def shown_url(self) -> str:
        """The URL without its secrets."""
        return masked_url(self.url)

    @property
    def redaction(self) -> Redaction:
        """Removes this target's secrets from any text."""
        secrets = [expand(text) for text in (self.token or "", *self.headers.values(), *self._cookie_values())]
        secrets += [urlsplit(expand(self.proxy)).password or ""] if self.proxy else []
        return Redaction.of(self.sent_url, [*secrets, *(kept for text in self._referring() for kept in kept_in(text))])

    def described(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, without secrets, for a run's parameters and a report."""
        return described(self)

    def warnings(self) -> list[str]:
        """Return the warnings that a result must carry about this target."""
        said = [warning for text in self._referring() for warning in readable_by_others(text)]
        if self.trust.insecure:
            said.append("the server's certificate was not checked (insecure): it may be anyone's")
        return said

    def replace(self, **changes: Any) -> Target:
        """Return a copy with these changes."""
        return dataclasses.replace(self, **changes)

    # Checks and parts

    def _settle(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _referring(self) -> Iterator[str]:
        yield from (self.url, self.proxy or "", self.token or "", *self.headers.values(), *self._cookie_values())
        yield from (step.text for step in self.steps)

    def _cookie_values(self) -> list[str]:
        return [] if isinstance(self.cookies, Path) else [*self.cookies.values()]

    def _cookies(self) -> str:
        if isinstance(self.cookies, Path):
            return cookies_for(self.cookies, self.sent_url)
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _check_way(self) -> None:
        ways = [name for name in ("resolve", "unix_socket", "proxy") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise BadValueError(f"{' and '.join(ways)} are given, but each says where to connect; give only one")
        if not self.secure and not self.trust.is_default:
            raise BadValueError(f"trust is given, but {self.shown_url} is not encrypted; write wss:// or leave it out")
        if self.resolve is not None:
            override(self.resolve, 80)
        if self.unix_socket is not None:
            check_unix_socket(self.unix_socket)
        if self.proxy is not None:
            check_proxy(expand(self.proxy))
        if self.token is not None and urlsplit(self.sent_url).username is not None:
            raise BadValueError(
                "token is given, and user info in the url; a request has one authorization, so give one"
            )


def as_target(target: Target | str) -> Target:
    """Return a target as it is, or a new one from a URL."""
    if isinstance(target, Target):
        return target
    if not isinstance(target, str):
        raise BadTypeError(f"target is {target!r}, but must be a Target or a URL")
    return Target(target)
