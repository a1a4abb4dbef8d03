"""A file appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wslab.core.files import write_whole


def test_file_has_all_of_its_content_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.txt", b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    path = write_whole(tmp_path / "a.txt", b"old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "a.txt", b"")
