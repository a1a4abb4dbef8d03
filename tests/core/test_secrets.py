from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.arguments import check_url
from wslab.core.errors import BadValueError
from wslab.core.secrets import Redaction, expand, mask, masked_url, readable_by_others

SECRET = st.text("abcdefXYZ0123456789-_", min_size=8, max_size=40)


@given(SECRET, SECRET, SECRET)
def test_no_secret_of_a_url_is_shown(user: str, password: str, value: str) -> None:
    shown = masked_url(f"wss://{user}:{password}@example.org:8443/chat?token={value}&{password}")
    assert shown.startswith("wss://…@example.org:8443/chat?token=…")
    assert not any(secret in shown for secret in (user, password, value))


@given(SECRET, st.sampled_from("/?#@:"), SECRET)
def test_password_that_is_not_encoded_is_not_shown(head: str, odd: str, tail: str) -> None:
    """Such a URL is wrong, and what complains of it must not print it."""
    url = f"ws://ada:{head}x{odd}{tail}@host/"
    assert f"{head}x" not in masked_url(url)
    assert tail not in masked_url(url)
    complaint = ""
    try:
        check_url(url)
    except BadValueError as error:
        complaint = str(error)
    assert f"{head}x" not in complaint
    assert tail not in complaint


def test_url_without_secrets_is_shown_as_it_is() -> None:
    for url in ("ws://127.0.0.1:8765/", "wss://[::1]:1/users/@me?empty=", "ws://host"):
        assert masked_url(url) == url


def test_long_secret_may_be_told_from_another_by_its_end() -> None:
    assert mask("a" * 30 + "7f") == "…7f"
    assert mask("short-one-7f") == "…"


def test_reference_is_replaced_by_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WSLAB_TEST_TOKEN", "swordfish")
    file = tmp_path / "token"
    file.write_text("from-a-file\nsecond line\n")
    assert expand(f"a {{env:WSLAB_TEST_TOKEN}} b {{file:{file}}}") == "a swordfish b from-a-file"
    assert expand('{"json": {"is": "left"}}') == '{"json": {"is": "left"}}'


def test_reference_to_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="no WSLAB_NO_SUCH; set it first: export WSLAB_NO_SUCH="):
        expand("{env:WSLAB_NO_SUCH}")
    with pytest.raises(BadValueError, match="cannot be read: No such file"):
        expand(f"{{file:{tmp_path / 'none'}}}")
    (tmp_path / "empty").touch()
    with pytest.raises(BadValueError, match="is empty; its first line must be the secret"):
        expand(f"{{file:{tmp_path / 'empty'}}}")


def test_file_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("swordfish")
    file.chmod(0o644)
    assert readable_by_others(f"{{file:{file}}}") == [
        f"other users of this machine may read {file}; protect it: chmod 600 {file}"
    ]
    file.chmod(0o600)
    assert readable_by_others(f"{{file:{file}}}") == []


@given(SECRET, st.text(max_size=20), st.text(max_size=20))
def test_redaction_finds_a_secret_wherever_a_server_repeats_it(secret: str, before: str, after: str) -> None:
    redaction = Redaction.of(f"ws://host/?token={secret}", [f"Bearer {secret}"])
    assert secret not in redaction(f"{before}{secret}{after}")
    assert secret not in repr(redaction)


def test_redaction_leaves_words_of_everybodys() -> None:
    assert Redaction.of("ws://host/?v=2&lang=en", [])("en v2 2") == "en v2 2"
