"""The ways to a lab server that a page is given, and the judgement of what they do to close codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.records import Close
from wslab.core.routes import CloseEvent, Route, Way, judge, routes

SERVER = "ws://127.0.0.1:8765/"
WAYS: tuple[Way, ...] = ("direct", "wslab", "proxy")
SENT = (Close(code=1012, reason="restart"), Close(code=4000, reason="ours"))

closes = st.builds(Close, code=st.integers(1000, 4999), reason=st.text(max_size=20))
ways = st.sampled_from(WAYS)


def route(way: Way) -> Route:
    return Route(way, f"ws://127.0.0.1:8888/{way}/8765/")


def faithful(close: Close) -> CloseEvent:
    return CloseEvent(True, close.code, close.reason)


@pytest.mark.parametrize(
    ("page_url", "base_url", "urls"),
    [
        ("http://localhost:8888/lab/tree/x.ipynb?token=t", "/", [SERVER, "ws://localhost:8888/{}/8765/"]),
        ("http://127.0.0.1:8888", "/user/ada/", [SERVER, "ws://127.0.0.1:8888/user/ada/{}/8765/"]),
        ("http://[::1]:8888/lab", "/", [SERVER, "ws://[::1]:8888/{}/8765/"]),
        ("https://hub.example/user/ada/lab#x", "/user/ada/", ["wss://hub.example/user/ada/{}/8765/"]),
        ("https://hub.example/user/ada/lab", "https://hub.example/user/ada/", ["wss://hub.example/user/ada/{}/8765/"]),
        ("https://http.example/lab", "/user/ada", ["wss://http.example/user/ada/{}/8765/"]),
    ],
)
def test_ways_are_those_of_the_pages_own_jupyter(page_url: str, base_url: str, urls: list[str]) -> None:
    *direct, by_jupyter = urls
    expected = [*direct, by_jupyter.format("wslab"), by_jupyter.format("proxy")]
    assert [each.url for each in routes(SERVER, page_url=page_url, base_url=base_url)] == expected


def test_exposed_server_is_reached_directly_from_anywhere() -> None:
    first = routes("ws://192.0.2.1:8765/", page_url="http://192.0.2.9:8888/lab")[0]
    assert first == Route("direct", "ws://192.0.2.1:8765/")


@pytest.mark.parametrize("page_url", ["vscode-webview://0a1b/index.html", "about:blank", "/lab", ""])
def test_page_without_an_address_of_the_web_is_refused(page_url: str) -> None:
    with pytest.raises(ValueError, match=r"page_url is .*location\.href"):
        routes(SERVER, page_url=page_url)


@given(ways, st.lists(closes, min_size=1, max_size=4))
def test_way_that_tells_what_was_sent_is_faithful(way: Way, sent: list[Close]) -> None:
    finding = judge(route(way), [(close, faithful(close)) for close in sent])
    assert finding.outcome == ("direct" if way == "direct" else "preserved")


@given(ways, st.lists(st.tuples(closes, closes), min_size=1, max_size=4))
def test_way_that_tells_anything_else_alters(way: Way, trials: list[tuple[Close, Close]]) -> None:
    finding = judge(route(way), [(sent, faithful(told)) for sent, told in trials])
    assert (finding.outcome == "altered") == any(sent != told for sent, told in trials)


@given(ways, st.lists(st.tuples(closes, st.booleans()), min_size=1, max_size=4))
def test_nothing_is_known_of_a_way_on_which_a_trial_did_not_open(way: Way, trials: list[tuple[Close, bool]]) -> None:
    events = [(close, faithful(close) if opened else CloseEvent(False, 1006)) for close, opened in trials]
    assert (judge(route(way), events).outcome == "unreachable") == (not all(opened for _, opened in trials))


def test_words_name_what_was_said_who_changed_it_and_the_remedy() -> None:
    words = judge(route("proxy"), [(close, CloseEvent(True, 1005)) for close in SENT]).explanation
    for part in ("1012 “restart”, 4000 “ours”", "told 1005, 1005", "jupyter-server-proxy", "install wslab"):
        assert part in words
    assert "install" not in judge(route("wslab"), [(close, faithful(close)) for close in SENT]).explanation


def test_lost_reason_alone_is_an_alteration() -> None:
    assert judge(route("direct"), [(SENT[0], CloseEvent(True, 1012))]).outcome == "altered"


def test_judgement_needs_a_trial() -> None:
    with pytest.raises(ValueError, match="trials is empty"):
        judge(route("direct"), [])
