"""A field guide is read line by line, counted, and compared with an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslab.core.errors import BadValueError
from wslab.core.fieldguide import Cell, GuideEntry, changes, encode_entry, read_entries, tally


def entry(subject: str, *, version: str = "1.0", **answers: str) -> GuideEntry:
    cells = tuple(Cell(question=question, answer=answer, seen="") for question, answer in answers.items())
    return GuideEntry(subject=subject, group="server", asked_at="2026-11-26", versions={"lib": version}, cells=cells)


def test_line_that_a_kill_cut_off_is_left_out_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "guide.jsonl"
    whole = [entry("a", drains="passes"), entry("b")]
    lines = [encode_entry(one) + b"\n" for one in whole]
    path.write_bytes(b"".join(lines) + lines[0][:20])
    assert read_entries(path) == whole
    path.write_bytes(lines[0] + b"{}\n" + lines[1])
    with pytest.raises(BadValueError, match="line 2 of"):
        read_entries(path)


def test_only_those_that_were_asked_are_counted() -> None:
    entries = [entry("a", drains="passes"), entry("b", drains="fails"), entry("c", drains="not run"), entry("d")]
    counted = tally(entries, "drains", "passes")
    assert (str(counted), counted.yes, counted.asked) == ("1 of 2", ("a",), ("a", "b"))


def test_changes_name_what_moved_with_its_version() -> None:
    before = [entry("a", drains="passes", limit="1"), entry("gone", drains="passes")]
    now = [entry("a", version="2.0", drains="fails", limit="1", new="passes"), entry("new", drains="passes")]
    assert changes(before, now) == ["a, drains: passes → fails (lib 1.0 → 2.0)"]
