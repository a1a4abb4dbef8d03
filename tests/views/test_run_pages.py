"""A run in a notebook: counted as its records say, and honest about a part that is missing."""

from __future__ import annotations

import msgspec
import pytest

from wslab.core.runs import Run, load
from wslab.views.run_pages import run_html


@pytest.fixture(scope="module")
def story() -> Run:
    return load("data/story.jsonl")


def test_run_html_counts_what_was_seen(story: Run) -> None:
    html = run_html(story)
    for code in (1006, 1009, 1012):
        times = sum(closure.close_code == code for closure in story.closures)
        assert f"{code} " in html
        assert f"× {times}" in html
    for kind in ("sends", "attempts", "closures", "outages", "restarts"):
        assert f"tables.{kind}(run)" in html


def test_run_html_names_the_knobs_that_were_turned_and_the_parameters(story: Run) -> None:
    html = run_html(story)
    assert "<dt>max_message_bytes</dt><dd>65536</dd>" in html
    assert "<dt>clients</dt><dd>12</dd>" in html
    assert "close_timeout_s" not in html


def test_run_html_of_a_partial_run_says_so(story: Run) -> None:
    lost = "worker 2 was lost, with clients <3>"
    info = msgspec.structs.replace(story.info, partial=True, losses=[lost])
    html = run_html(Run(info, ()))
    assert "partial" in html
    assert "worker 2 was lost, with clients &lt;3&gt;" in html
    assert "no records" in html
