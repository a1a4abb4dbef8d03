"""Panels in a narrow window: no word on a canvas is cut off, and no label of a downtime lies over another."""

from __future__ import annotations

from typing import Any

from .conftest import OpenCode
from .inspection import misfits
from .notebook import VIEWPORT, Notebook
from .test_restart_panel import state
from .test_story_panel import press

PANELS = (
    "import wslab\nwslab.panels.StoryPanel(downtime_s=0.2)",
    "wslab.panels.HerdPanel()",
    "wslab.panels.PayloadPanel(max_message_bytes=10**9)",
)
LISTEN = """() => {
    const drawn = CanvasRenderingContext2D.prototype;
    const fillText = drawn.fillText;
    window.words = [];
    drawn.fillText = function (text, x, y, ...rest) {
        const wide = rest.length ? Math.min(rest[0], this.measureText(text).width) : this.measureText(text).width;
        const left = x - ({center: wide / 2, end: wide}[this.textAlign] ?? 0);
        window.words.push({text: `${text}`, left, right: left + wide, y, canvas: this.canvas.clientWidth});
        return fillText.call(this, text, x, y, ...rest);
    };
}"""


def overlapping(labels: list[dict[str, Any]]) -> list[str]:
    pairs = (
        (one, other) for one in labels for other in labels if one["left"] < other["left"] and one["y"] == other["y"]
    )
    return [f"{one['text']} | {other['text']}" for one, other in pairs if one["right"] > other["left"]]


def drawn_at(notebook: Notebook, width: int) -> list[dict[str, Any]]:
    """Return the words that are drawn in a window of this width, where they are."""
    try:
        notebook.page.evaluate("() => jupyterapp.shell.collapseLeft()")
        notebook.page.set_viewport_size({"width": width + 1, "height": 3000})
        notebook.page.wait_for_timeout(500)  # the layout follows by steps; what is read is the picture after the last
        notebook.page.evaluate("() => { window.words.length = 0 }")
        notebook.page.set_viewport_size({"width": width, "height": 3000})
        notebook.page.wait_for_function("() => window.words.some(({text}) => text === 'time (s)')")
        drawn: list[dict[str, Any]] = notebook.page.evaluate("() => window.words")
        notebook.screenshot(f"at-{width}")
        return drawn
    finally:
        notebook.page.set_viewport_size(VIEWPORT)
        notebook.page.evaluate("() => jupyterapp.shell.expandLeft()")


def test_whole_story_is_told_in_one_and_its_words_are_whole_at_every_width(open_code: OpenCode) -> None:
    notebook = open_code(*PANELS)
    notebook.page.evaluate(LISTEN)
    notebook.run_all()
    story = notebook.widgets.nth(0)
    press(story, "Play the whole story", "12 clients saw 1006 and 1012; all came back")
    assert len(state(story, "lanes")["clients"]) == 13
    assert [restart["kind"] for restart in state(story, "lanes")["restarts"]] == ["reload", "crash"]
    assert misfits(story) == []
    for width in (800, 500):
        drawn = drawn_at(notebook, width)
        cut_off = [it for it in drawn if it["text"] and (it["left"] < -1 or it["right"] > it["canvas"] + 1)]
        assert cut_off == []
        downtimes = [it for it in drawn if it["text"].startswith(("reload", "crash"))]
        assert downtimes
        latest = {(it["text"].split(":")[0]): it for it in downtimes}
        assert overlapping(list(latest.values())) == []
