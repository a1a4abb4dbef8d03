"""A file appears whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wslab.core.errors import UnwritableError
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
    with pytest.raises(UnwritableError, match=r"a.txt' cannot be written: .*no space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnwritableError, match=r"a.txt' cannot be written: No such file or directory"):
        write_whole(tmp_path / "missing" / "a.txt", b"")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        path = write_whole(tmp_path / "a.txt", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_file_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    assert write_whole(path, b"new").read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_link_stays_and_leads_to_the_new_content(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "there" / "a.txt")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "a.txt").read_bytes() == b"new"


def test_what_is_no_regular_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    assert write_whole(tmp_path / ("x" * 255), b"new").read_bytes() == b"new"
