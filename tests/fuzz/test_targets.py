"""The corpus, what fuzzing once found included, and what hypothesis makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).with_name("corpus")


@pytest.mark.parametrize("name", TARGETS)
def test_reader_keeps_its_promises_whatever_it_reads(name: str) -> None:
    seeds = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    for seed in seeds:
        TARGETS[name](seed)

    @settings(max_examples=30)
    @given(st.data())
    def read_changed(data: st.DataObject) -> None:
        seed = data.draw(st.sampled_from(seeds))
        begin, end = sorted(data.draw(st.tuples(st.integers(0, len(seed)), st.integers(0, len(seed)))))
        TARGETS[name](seed[:begin] + data.draw(st.binary(max_size=16)) + seed[end:])

    read_changed()
