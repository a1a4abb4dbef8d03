"""What real ones do is counted from the recording, each product once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wslab.core.codes import habits
from wslab.core.codes.habits import PRACTICES, in_practice
from wslab.core.codes.languages import speaking
from wslab.core.fieldguide import Cell, GuideEntry, read_entries


def refusing(subject: str, product: str, answer: str) -> GuideEntry:
    cell = Cell(question="refuses_with_1009", answer=answer, seen="")
    return GuideEntry(subject=subject, product=product, group="server", asked_at="2026-11-27", cells=(cell,))


def test_product_counts_once_and_only_if_all_its_variants_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [("a", "a", "passes"), ("b, x", "b", "passes"), ("b, y", "b", "passes"), ("c", "c", "not run")]
    asked += [("d, x", "d", "passes"), ("d, y", "d", "fails"), ("e", "e", "fails")]
    monkeypatch.setattr(habits, "_recorded", lambda: [refusing(*each) for each in asked])
    (sentence,) = in_practice(1009)
    assert sentence == (
        "2 of 4 servers close with 1009 on a message over their limit. In 1 more, it depends on the variant."
    )
    assert in_practice(1009, speaking("ja"))[0].endswith("ほかに1個は、構成によって異なる。")
    assert in_practice(4999) == ()


def test_every_practice_is_asked_in_the_recording() -> None:
    asked = {(entry.group, cell.question) for entry in read_entries() for cell in entry.cells}
    assert {(each.group, each.question) for told in PRACTICES.values() for each in told} <= asked


def test_counting_needs_no_table() -> None:
    script = (
        "import sys; from wslab.core.codes.habits import in_practice; in_practice(1009); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
