"""The figures about limits show what their tables hold, in marks and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from wslab.core.records import Footprint, Record
from wslab.core.runs import Run
from wslab.views import plots, tables
from wslab.views.axes import describe

from .conftest import Eye, make_info, make_send, x_of, y_of

MIB = 2**20
WAYS = ("one frame", "fragments", "messages")


def frames_run(passing: dict[tuple[str, bool], tuple[str, ...]], *, agreed: bool = True) -> Run:
    """Make a run of `frames_question` in which a content, plain or compressed, passes in the ways given."""
    cases: list[dict[str, Any]] = []
    sends: list[Record] = []
    for (payload, compression), ways in passing.items():
        for way in WAYS:
            client, pieces = len(cases), 4 if way == "messages" else 1
            cases.append({"way": way, "payload": payload, "compression": compression, "sends": pieces})
            sends += [
                make_send(
                    number,
                    100_000 // pieces,
                    "accepted" if way in ways else "closed",
                    client=client,
                    close_code=None if way in ways else 1009,
                    payload_kind=payload,
                    fragment_count=4 if way == "fragments" else 1,
                    wire_bytes=25_000 if way == "messages" else 100_014,
                    compression=compression and agreed,
                )
                for number in range(1, (pieces if way in ways else 1) + 1)
            ]
    info = make_info("frames_question", 1.0, parameters={"payload_bytes": 100_000, "cases": cases})
    return Run(info, tuple(sends))


ON_MESSAGES: dict[tuple[str, bool], tuple[str, ...]] = {("text", False): WAYS[2:], ("text", True): WAYS[2:]}
ON_FRAMES: dict[tuple[str, bool], tuple[str, ...]] = {("text", False): WAYS[1:], ("text", True): WAYS[1:]}


def test_passages_are_whole_only_where_every_piece_was_accepted() -> None:
    table = tables.passages(frames_run(ON_MESSAGES))
    assert list(table.passed) == [False, False, True] * 2
    assert list(table.messages) == [1, 1, 4] * 2
    assert list(table.fragments) == [1, 4, 4] * 2
    assert list(table.wire_bytes) == [100_014, 100_014, 100_000] * 2
    cut = frames_run(ON_MESSAGES)
    assert not tables.passages(Run(cut.info, cut.records[:4])).passed.any(), "the fourth piece was not sent"


def test_ways_that_pass_marks_and_names_what_each_met(see: type[Eye]) -> None:
    ax = plots.ways_that_pass(frames_run(ON_MESSAGES))
    assert see(ax).title == "Passed: 0 of 2 as one frame, 0 of 2 as fragments, 2 of 2 as messages"
    assert see(ax).rows == ["text", "text, compressed"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["as one frame", "as 4 fragments", "as 4 messages"]
    assert sorted(map(tuple, np.round(see(ax).marks("accepted")[:, ::-1]))) == [(0, 2), (1, 2)]
    assert len(see(ax).marks(1009)) == 4
    words = [text.get_text() for text in ax.texts if text.get_text()]
    assert words == ["1009, 100,014 bytes", "1009, 100,014 bytes", "passed, 100,000 bytes"] * 2
    assert "text, compressed as messages: passed, 100,000 bytes" in describe(ax)


def test_ways_that_pass_sets_runs_below_each_other(see: type[Eye]) -> None:
    runs = {"limit on messages": frames_run(ON_MESSAGES), "limit on frames": frames_run(ON_FRAMES)}
    ax = plots.ways_that_pass(runs)
    assert see(ax).rows == ["", "text", "text, compressed"] * 2
    assert see(ax).title == "Passed: 0 of 4 as one frame, 2 of 4 as fragments, 4 of 4 as messages"
    assert {text.get_text() for text in ax.texts if text.get_fontweight() == "bold"} == set(runs)
    assert "limit on frames text as fragments: passed" in describe(ax)


def test_ways_that_pass_says_where_compression_was_not_agreed(see: type[Eye]) -> None:
    ax = plots.ways_that_pass(frames_run(ON_MESSAGES, agreed=False))
    assert see(ax).rows == ["text", "text, not agreed"]


def test_ways_that_pass_of_nothing_says_so(empty_run: Run, see: type[Eye]) -> None:
    assert see(plots.ways_that_pass(empty_run)).title == "Nothing was offered"


def cost_run(limits_mib: tuple[int, ...] = (1, 4, 16), counts: tuple[int, ...] = (0, 1, 4)) -> Run:
    """Make a run of `limit_cost` in which a process takes 30 MiB and exactly what it was sent."""
    records, at_s, start = [], 0.0, 0
    for compression in (False, True):
        for limit in limits_mib:
            start += 1
            for connections, half_sent in [(0, 0), *((max(counts), count) for count in counts)]:
                at_s += 0.1
                held = half_sent * limit * MIB
                records.append(
                    Footprint(
                        at_s=at_s,
                        start=start,
                        resident_bytes=30 * MIB + held,
                        max_message_bytes=limit * MIB,
                        compression=compression,
                        connections=connections,
                        half_sent=half_sent,
                        sent_payload_bytes=held,
                        sent_wire_bytes=held // 1024 if compression else held,
                    )
                )
    return Run(make_info("limit_cost", at_s), tuple(records))


def test_memory_held_draws_a_line_for_each_number_of_messages() -> None:
    ax = plots.memory_held(cost_run())
    lines = [line for line in ax.lines if line.get_linestyle() != "None"]
    assert [list(x_of(line)) for line in lines] == [[MIB, 4 * MIB, 16 * MIB]] * 3
    assert [list(y_of(line)) for line in lines] == [[30, 30, 30], [31, 34, 46], [34, 46, 94]]
    assert [text.get_text() for text in ax.texts] == ["idle", "1 half-sent", "4 half-sent"]


def test_memory_held_tells_how_much_and_for_how_little(see: type[Eye]) -> None:
    ax = plots.memory_held(cost_run())
    assert (
        see(ax).title
        == "4 half-sent messages under a limit of 16 MiB make the server hold 64 MiB more than\nan idle one"
    )
    assert see(ax).legend == ["plain: up to 64 MiB sent in all", "compressed: up to 64 KiB sent in all"]
    assert "limit 4 MiB, 1 half-sent, compressed: 34 MiB for 4 KiB sent" in describe(ax)


@pytest.mark.parametrize("counts", [(0,), ()])
def test_memory_held_of_nothing_says_so(counts: tuple[int, ...], empty_run: Run, see: type[Eye]) -> None:
    run = cost_run(counts=counts) if counts else empty_run
    assert see(plots.memory_held(run)).title == "Nothing was half sent"


@pytest.mark.parametrize(("draw", "table"), [(plots.ways_that_pass, "passages"), (plots.memory_held, "footprints")])
def test_other_table_is_refused(draw: Callable[[pd.DataFrame], Axes], table: str, empty_run: Run) -> None:
    with pytest.raises(ValueError, match=f"{table} has no column .*; make it with wslab.views.tables.{table}"):
        draw(tables.closures(empty_run))
