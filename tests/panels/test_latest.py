"""Work that follows a knob: the newest wins, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wslab.experiments import Cancel
from wslab.panels.latest import Latest

Until = Callable[[Callable[[], bool]], None]


def test_newest_cancels_the_one_under_way_and_replaces_those_that_wait(until: Until) -> None:
    latest, done, begun = Latest(), list[str](), threading.Event()

    def long(cancel: Cancel) -> None:
        begun.set()
        until(lambda: cancel.cancelled)
        done.append("long")

    latest.ask(long)
    assert begun.wait(10)
    latest.ask(lambda cancel: done.append("replaced"))
    latest.ask(lambda cancel: done.append("newest"))
    until(lambda: "newest" in done)
    assert [name for name in done if name != "replaced"] == ["long", "newest"]


def test_give_up_waits_for_the_end(until: Until) -> None:
    latest, done, begun = Latest(), list[bool](), threading.Event()

    def long(cancel: Cancel) -> None:
        begun.set()
        until(lambda: cancel.cancelled)
        done.append(True)

    latest.ask(long)
    assert begun.wait(10)
    latest.give_up()
    assert done == [True]
