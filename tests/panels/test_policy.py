"""The policy panel by code; what the browser makes of it is in tests/browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wslab
from wslab.panels import PolicyPanel
from wslab.panels.panel import Panel
from wslab.views.axes import describe

Says = Callable[..., None]


@pytest.fixture
def panel() -> Iterator[PolicyPanel]:
    made = PolicyPanel(policies=["constant", "full_jitter"], clients=20, attempts=5)
    yield made
    made.close()


def drawn(panel: Panel) -> dict[str, dict[str, Any]]:
    return {policy["name"]: policy for policy in panel.scene["delays"]}


def test_draws_are_shown_at_once_with_formula_and_source(panel: PolicyPanel) -> None:
    shown = drawn(panel)
    assert shown["constant"]["draws"] == [[1.0]] * 5
    assert shown["full_jitter"]["formula"].startswith("U(0, min(max_delay_s")
    assert shown["full_jitter"]["source"]["url"].startswith("https://aws.amazon.com/")
    assert all(
        0 <= delay_s <= 2 ** (number - 1)
        for number, own in enumerate(shown["full_jitter"]["draws"], 1)
        for delay_s in own
    )


def test_knob_is_one_of_every_policy_that_has_it(panel: PolicyPanel) -> None:
    panel.turn(max_delay_s=0.5, initial_delay_s=0.5)
    assert max(max(own) for own in drawn(panel)["full_jitter"]["draws"]) <= 0.5
    assert drawn(panel)["constant"]["medians"] == [1.0] * 5
    assert "full_jitter(initial_delay_s=0.5, max_delay_s=0.5)" in panel.code


def test_contradicting_knobs_are_said_of_the_policy(panel: PolicyPanel, page_says: Says) -> None:
    page_says(panel, do="turn", values={"policies": ["registry"], "max_delay_s": 2})
    assert panel.status["kind"] == "failed"
    assert "registry: min_delay_s is 5.0, but must be at most max_delay_s, which is 2" in panel.status["words"]


def test_draw_again_takes_the_next_seed(panel: PolicyPanel) -> None:
    before = drawn(panel)["full_jitter"]["draws"]
    panel.press("again")
    assert panel.values["seed"] == 1
    assert drawn(panel)["full_jitter"]["draws"] != before
    panel.turn(seed=0)
    assert drawn(panel)["full_jitter"]["draws"] == before


def test_policy_keeps_its_look_while_others_come_and_go(panel: PolicyPanel) -> None:
    before = drawn(panel)["full_jitter"]["look"]
    panel.turn(policies=["none", "full_jitter"])
    assert drawn(panel)["full_jitter"]["look"] == before
    assert drawn(panel)["none"]["look"] != before


def test_as_many_policies_as_can_be_told_apart_differ_in_look(panel: PolicyPanel) -> None:
    panel.turn(policies=["none", "constant", "exponential", "full_jitter", "equal_jitter", "rfc6455"])
    looks = {(policy["look"]["marker"], *policy["look"]["dash"]) for policy in panel.scene["delays"]}
    assert len(looks) == 6


def test_policy_that_ends_has_no_medians_afterwards(panel: PolicyPanel) -> None:
    panel.turn(policies=["signalr", "constant"])
    assert drawn(panel)["signalr"]["medians"] == [0, 2, 10, 30]
    (table,) = panel.tables
    assert table["rows"][4] == ["5", "–", "1"]


def test_more_policies_than_can_be_told_apart_are_refused(panel: PolicyPanel) -> None:
    with pytest.raises(ValueError, match="policies has 7, but at most 6"):
        panel.turn(policies=["none", "constant", "exponential", "full_jitter", "equal_jitter", "rfc6455", "registry"])


def test_nothing_chosen_is_said(panel: PolicyPanel) -> None:
    panel.turn(policies=[])
    assert panel.scene["delays"] == []
    assert panel.status["words"] == "choose a policy"
    assert not panel.shows_something()


def test_code_draws_the_figure_that_stays(panel: PolicyPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    panel.turn(max_delay_s=4)
    shown: list[str] = []
    monkeypatch.setattr(wslab, "show", lambda figure: shown.append(describe(figure)), raising=False)
    exec(panel.code, {"wslab": wslab})
    assert shown == [describe(panel.draw())]
    assert "full_jitter" in shown[0]
