"""The story panel on its real server, by code: each step by itself, and all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from matplotlib.figure import Figure

import wslab
from wslab.panels import StoryPanel

Says = Callable[..., None]


@pytest.fixture
def panel() -> Iterator[StoryPanel]:
    made = StoryPanel(clients=2, downtime_s=0.1)
    yield made
    made.close()


def met(panel: StoryPanel) -> list[Any]:
    return [event[3] for event in panel.events if event[0] == "send"]


def test_story_is_told_step_by_step(panel: StoryPanel) -> None:
    panel.press("break")
    assert panel.values["payload_bytes"] == 65_537, "the smallest that was refused is the next to be sent"
    assert panel.scene["max_message_bytes"] == 65_536
    panel.press("fix")
    assert panel.status["words"].startswith("2 clients saw 1012; all came back")
    assert panel.scene["max_message_bytes"] == 262_144
    panel.press("send")
    assert panel.status["words"] == "65,537 bytes: accepted"
    assert set(met(panel)) == {"accepted", 1009}
    panel.press("crash")
    assert panel.status["words"].startswith("2 clients saw 1006; all came back")


def test_limit_that_is_set_takes_effect_by_a_reload_alone(panel: StoryPanel) -> None:
    panel.turn(max_message_bytes=2048, payload_bytes=2049)
    panel.press("send")
    assert met(panel) == ["accepted"]
    panel.press("fix")
    panel.press("send")
    assert met(panel) == ["accepted", 1009]
    told = [event[6] for event in panel.events if event[0] == "restart" and event[5] is not None]
    assert set(told) == {2048}


def test_lanes_stay_while_messages_are_sent(panel: StoryPanel) -> None:
    panel.press("crash")
    before = [event for event in panel.events if event[0] != "send"]
    panel.press("send")
    assert [event for event in panel.events if event[0] != "send"] == before


def test_whole_story_says_its_chapters(panel: StoryPanel) -> None:
    panel.press("break")
    said: list[str] = []
    panel.observe(lambda change: said.append(change.new["words"]), "status")
    run = panel.press("play")
    assert run is not None
    assert run.info.experiment == "tell_story"
    assert len(panel.runs) == 1, "it begins anew"
    assert panel.events[0] == ["drill", "play"]
    assert "the limit is raised to 262,144 B: a reload, so everyone is sent away" in said
    assert said.index("the message that broke is sent again") < said.index("the server crashes")
    assert panel.status["words"].startswith("2 clients saw 1006 and 1012; all came back")


def test_clear_begins_anew_with_the_first_limit(panel: StoryPanel, page_says: Says) -> None:
    panel.turn(max_message_bytes=2048)
    panel.press("fix")
    page_says(panel, do="clear")
    assert panel.scene["max_message_bytes"] == 65_536
    panel.turn(payload_bytes=65_536)
    panel.press("send")
    assert met(panel) == ["accepted"]


def test_what_stays_has_the_messages_and_the_clients(panel: StoryPanel) -> None:
    panel.press("crash")
    assert not isinstance(panel.draw(), Figure)
    panel.press("send")
    drawn = panel.draw()
    assert isinstance(drawn, Figure)
    assert len(drawn.axes) == 2


def test_code_does_the_same() -> None:
    panel = StoryPanel(clients=2, downtime_s=0, payload_bytes=65_537)
    names: dict[str, Any] = {"wslab": wslab}
    exec(panel.code, names)
    assert names["run"].info.experiment == "tell_story"
