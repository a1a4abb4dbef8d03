from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.permission import check_permission, is_this_machine

OURS = ["127.0.0.1", "127.1", "127.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "::1", "[::1]", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("host", [*OURS, "localhost", "LOCALHOST.", "app.localhost", "0.0.0.0", "::"])
def test_loopback_is_this_machine_however_it_is_written(host: str) -> None:
    assert is_this_machine(host)
    bare = host.strip("[]")
    assert is_this_machine(f"ws://[{bare}]/" if ":" in bare else f"ws://{host}:80/x")


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "128.1", "10.0.0.1", "::ffff:10.0.0.1", "1"])
def test_anything_else_is_not(host: str) -> None:
    assert not is_this_machine(host)


NUMBER = r"(0x[0-9a-f]{1,3}|[0-9]{1,3})"


@given(st.from_regex(rf"(0x[0-9a-f]{{1,8}}|0[0-7]{{1,6}}|[1-9][0-9]{{0,4}})(\.{NUMBER}){{0,3}}", fullmatch=True))
def test_short_addresses_are_read_as_the_system_reads_them(host: str) -> None:
    try:
        packed = socket.inet_aton(host)
    except OSError:
        assert not is_this_machine(host)
    else:
        assert is_this_machine(host) == (packed[0] == 127 or packed == b"\0\0\0\0")


def test_other_host_must_be_named() -> None:
    check_permission("127.1", [])
    check_permission("Example.org.", ["example.ORG"])
    with pytest.raises(BadValueError, match=r"--i-may-probe example\.org"):
        check_permission("example.org", ["example.com"])
    with pytest.raises(BadTypeError, match="must be a list of host names"):
        check_permission("example.org", "example.org")
