"""Every subject's file says what it is; a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslab.core.errors import BadValueError
from wslab.fieldguide.catalogue import HERE, subjects

MOST_LINES = 60


def test_every_file_of_a_subject_is_one() -> None:
    found = subjects()
    files = [path for room in ("servers", "proxies", "plain", "reconnecting") for path in (HERE / room).iterdir()]
    files = [path for path in files if path.suffix in (".py", ".js")]
    assert {subject.file for subject in found.values()} == set(files)
    assert [path.name for path in files if len(path.read_text().splitlines()) >= MOST_LINES] == []


def test_proxy_stands_before_servers_that_there_are() -> None:
    found = subjects()
    assert [one.name for one in found.values() if one.group == "proxy" and one.variant not in found] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("print()\n", "begins with no block"),
        ("# /// script\n# [tool.wslab]\n# npn = ['ws']\n# ///\n", "wrong.py are wrong.*npn"),
        ("# /// script\n# [tool.wslab\n# ///\n", "wrong.py are wrong"),
    ],
)
def test_wrong_metadata_name_their_file(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers" / "wrong.py").write_text(text)
    with pytest.raises(BadValueError, match=words):
        subjects(tmp_path)
