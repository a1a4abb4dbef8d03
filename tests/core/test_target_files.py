from __future__ import annotations

from pathlib import Path

import pytest

from wslab.core.errors import BadValueError
from wslab.core.target_files import load_target

TARGETS = """
[staging]
url = "wss://staging.example.org/ws?key={env:WSLAB_TEST_TOKEN}"
token = "{file:token}"
subprotocols = ["graphql-transport-ws"]
greeting = ['> {"type": "connection_init"}', "< connection_ack"]
template = '{"op": "echo", "data": "{filler}"}'
allow_hosts = ["staging.example.org"]
ping_interval_s = 5

[local]
url = "ws://127.0.0.1/"

[loose]
url = "ws://127.0.0.1/"
token = "swordfish"

[misspelt]
url = "ws://127.0.0.1/"
subprotocol = "x"

[wrong]
url = "http://127.0.0.1/"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "targets.toml").write_text(TARGETS.replace("{file:token}", f"{{file:{tmp_path}/token}}"))
    (tmp_path / "token").write_text("from-a-file")
    monkeypatch.setenv("WSLAB_TEST_TOKEN", "from-the-environment")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "targets.toml"


def test_target_has_what_the_file_says_of_it(file: Path) -> None:
    target = load_target("staging")
    assert target.sent_url == "wss://staging.example.org/ws?key=from-the-environment"
    assert target.fields()["Authorization"] == "Bearer from-a-file"
    assert [step.text for step in target.steps] == ['{"type": "connection_init"}', "connection_ack"]
    assert target.messages is not None
    assert target.ping_interval_s == 5
    target.check_permission()


def test_environment_names_another_file(
    file: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(BadValueError, match="'local' is neither a ws:// or wss:// URL nor a target: there is"):
        load_target("local")
    monkeypatch.setenv("WSLAB_TARGETS", str(file))
    assert load_target("local").url == "ws://127.0.0.1/"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stagin", "has no target 'stagin'; did you mean 'staging'"),
        ("loose", "target 'loose': token is a plain secret, but this file takes references only"),
        ("misspelt", "target 'misspelt': Object contains unknown field `subprotocol`"),
        ("wrong", "target 'wrong': url is 'http://127.0.0.1/', which is not a WebSocket URL; write ws://"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(file: Path, name: str, words: str) -> None:
    with pytest.raises(BadValueError, match=words) as told:
        load_target(name)
    assert "swordfish" not in str(told.value)


def test_what_is_no_toml_is_told(file: Path) -> None:
    file.write_text("[staging")
    with pytest.raises(BadValueError, match="cannot be read as TOML"):
        load_target("staging")
