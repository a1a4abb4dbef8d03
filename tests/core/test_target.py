from __future__ import annotations

import contextlib
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.errors import BadTypeError, BadValueError, WslabError
from wslab.core.target import Target, as_target
from wslab.core.trust import Trust

SECRET = st.text("abcdefXYZ0123456789", min_size=8, max_size=40)


@given(SECRET, SECRET, SECRET, SECRET, SECRET)
def test_nothing_that_is_shown_holds_a_secret(password: str, query: str, header: str, cookie: str, proxy: str) -> None:
    target = Target(
        f"ws://ada:{password}@127.0.0.1/?key={query}",
        headers={"X-Key": header},
        cookies={"session": cookie},
        proxy=f"http://bob:{proxy}@127.0.0.1:3128",
        greeting=[f"> login {password}", "< welcome"],
    )
    shown = f"{target!r} {target} {target.described()} {target.shown_url} {target.redaction!r}"
    assert not any(secret in shown for secret in (password, query, header, cookie, proxy))
    assert all(name in shown for name in ("X-Key", "session", "key=…", "welcome"))
    echoed = f"you said {password} {query} {header} {cookie}"
    assert not any(secret in target.redaction(echoed) for secret in (password, query, header, cookie))


def test_fields_are_those_of_the_request() -> None:
    target = Target(
        "ws://127.0.0.1/",
        headers={"X-Client": "c-{client}", "user-agent": "mine"},
        cookies={"a": "1", "b": "2"},
        token="swordfish",
        origin="https://app.example.org",
    )
    assert target.fields(7) == {
        "Origin": "https://app.example.org",
        "Authorization": "Bearer swordfish",
        "Cookie": "a=1; b=2",
        "X-Client": "c-7",
        "user-agent": "mine",
    }


def test_secrets_by_reference_are_read_when_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSLAB_TEST_TOKEN", "first-value")
    target = Target("wss://example.org/?t={env:WSLAB_TEST_TOKEN}", token="{env:WSLAB_TEST_TOKEN}")
    monkeypatch.setenv("WSLAB_TEST_TOKEN", "second-value")
    assert target.sent_url == "wss://example.org/?t=second-value"
    assert target.fields()["Authorization"] == "Bearer second-value"
    assert "{env:WSLAB_TEST_TOKEN}" in repr(target)
    assert target.redaction("second-value") == "…"


def test_cookies_of_a_file_are_those_for_the_url(tmp_path: Path) -> None:
    jar = tmp_path / "cookies.txt"
    jar.write_text(
        "# Netscape HTTP Cookie File\n"
        "app.example.org\tFALSE\t/\tFALSE\t0\tours\tyes\n"
        "other.example.org\tFALSE\t/\tFALSE\t0\ttheirs\tno\n"
    )
    assert Target("ws://app.example.org/", cookies=jar).fields()["Cookie"] == "ours=yes"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": {"X A": "b"}}, "not a header name"),
        ({"headers": {"A": "secret-1\r\nB: c"}}, "value of header A holds a line break"),
        ({"headers": {"A": "é"}}, "not printable ASCII"),
        ({"headers": {"Sec-WebSocket-Protocol": "x"}}, "see also subprotocols"),
        ({"cookies": Path("/no/such/jar")}, "is not a cookie file: No such file"),
        ({"cookies": Path(__file__)}, "does not look like a Netscape format"),
        ({"token": "{env:WSLAB_NO_SUCH}"}, "environment has no WSLAB_NO_SUCH"),
        ({"subprotocols": ["a b"]}, "which is not a token"),
        ({"template": "x"}, "contains {filler} 0 times"),
        ({"unix_socket": Path("/no/such/socket")}, "does not exist"),
        ({"unix_socket": Path(__file__)}, "is not a socket"),
        ({"proxy": "https://127.0.0.1:1"}, "must be SCHEME://HOST:PORT with one of http, socks5"),
        ({"proxy": "socks5://127.0.0.1:99999"}, "must be SCHEME://HOST:PORT"),
        ({"resolve": "example.org"}, "must be an IP address"),
        ({"resolve": "127.0.0.1:0"}, "between 1 and 65,535"),
        ({"resolve": "127.0.0.1", "proxy": "http://127.0.0.1:1"}, "give only one"),
        ({"trust": Trust(insecure=True)}, "is not encrypted; write wss://"),
        ({"open_timeout_s": 0}, "between 0.01 and 600 seconds"),
        ({"ping_interval_s": -1}, "between 0 and 3,600 seconds"),
    ],
)
def test_bad_option_is_told_when_the_target_is_made(options: dict[str, Any], words: str) -> None:
    with pytest.raises(WslabError, match=words) as told:
        Target("ws://127.0.0.1/", **options)
    assert "secret-1" not in str(told.value)


def test_two_authorizations_contradict_each_other() -> None:
    with pytest.raises(BadValueError, match="a request has one authorization"):
        Target("ws://ada:pw@127.0.0.1/", token="x")


def test_what_is_no_target_is_named() -> None:
    with pytest.raises(BadTypeError, match="must be a Target or a URL"):
        as_target(5)  # type: ignore[arg-type]
    assert as_target("ws://127.0.0.1/").url == "ws://127.0.0.1/"


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (Target("ws://127.1/"), None),
        (Target("ws://example.org/", resolve="127.0.0.1"), None),
        (Target("ws://localhost/", resolve="10.0.0.1"), "10.0.0.1"),
        (Target("ws://example.org/"), "example.org"),
        (Target("ws://localhost/", proxy="http://127.0.0.1:3128"), "localhost"),
        (Target("ws://example.org/", proxy="http://127.0.0.1:3128"), "example.org"),
    ],
    ids=["loopback", "overridden to loopback", "overridden to another", "another", "the proxy's localhost", "proxied"],
)
def test_permission_is_that_of_the_host_that_is_really_spoken_to(target: Target, host: str | None) -> None:
    if host is None:
        target.check_permission()
        assert target.is_this_machine
        return
    with pytest.raises(BadValueError, match=f"--i-may-probe {host}"):
        target.check_permission()
    target.replace(allow_hosts=[host]).check_permission()
    assert not target.is_this_machine


def test_unix_socket_is_this_machine(tmp_path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "s"))
        Target("ws://example.org/", unix_socket=tmp_path / "s").check_permission()


def test_trust_is_checked_when_it_is_made(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    trust = Trust(ca=tmp_path / "ca.pem", certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    assert Target("wss://127.0.0.1/", trust=trust).described() == {
        "trust": {"ca": str(trust.ca), "certificate": str(trust.certificate), "key": str(trust.key)}
    }
    for options, words in (
        ({"ca": tmp_path / "none.pem"}, "holds no readable certificate"),
        ({"ca": tmp_path / "key.pem"}, "in PEM form"),
        ({"certificate": tmp_path / "ca.pem", "key": tmp_path / "key.pem"}, "cannot be used"),
        ({"key": tmp_path / "key.pem"}, "without a certificate"),
        ({"ca": tmp_path / "ca.pem", "insecure": True}, "contradict each other"),
    ):
        with pytest.raises(BadValueError, match=words):
            Trust(**options)


def test_insecure_warns() -> None:
    assert "not checked (insecure)" in Target("wss://127.0.0.1/", trust=Trust(insecure=True)).warnings()[0]
    assert Target("wss://127.0.0.1/").warnings() == []


def test_target_may_be_sent_to_another_process() -> None:
    target = Target("ws://127.0.0.1/", greeting=["> a", "< b"], template="x{filler}")
    assert pickle.loads(pickle.dumps(target)) == target
