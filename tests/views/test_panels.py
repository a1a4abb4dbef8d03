"""The panels call the experiments and show what these return; the widgets are real, the browser is not needed."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from wslab.views.panels import payload_panel, restart_panel


def all_widgets(box: widgets.Widget) -> list[widgets.Widget]:
    return [box, *(inner for child in getattr(box, "children", ()) for inner in all_widgets(child))]


def control(box: widgets.Widget, description: str) -> widgets.Widget:
    (found,) = [w for w in all_widgets(box) if getattr(w, "description", "") == description]
    return found


def shown(box: widgets.Widget) -> str:
    return " ".join(w.value for w in all_widgets(box) if isinstance(w, widgets.HTML))


def test_payload_panel_sends_the_chosen_size() -> None:
    panel = payload_panel(max_message_bytes=1000)
    control(panel, "payload (bytes)").value = 1001
    control(panel, "Send this message").click()
    assert "1,001 bytes: 1009" in shown(panel)
    assert '<img alt="' in shown(panel)


def test_payload_panel_reaches_beyond_any_limit() -> None:
    panel = payload_panel()
    control(panel, "limit (1 to 16,777,216 bytes)").value = 5_000_000
    assert control(panel, "payload (bytes)").max == 10_000_000


def test_payload_panel_grows_until_it_breaks() -> None:
    panel = payload_panel(max_message_bytes=5000)
    control(panel, "Grow until it breaks").click()
    assert "Largest accepted 5,000 bytes, smallest not accepted 5,001 bytes" in shown(panel)


@pytest.mark.parametrize(("kind", "code"), [("graceful", 1012), ("crash", 1006), ("reload", 1012)])
def test_restart_panel_restarts(kind: str, code: int) -> None:
    panel = restart_panel(clients=2)
    control(panel, "restart").value = kind
    control(panel, "downtime (s)").value = 0.1
    control(panel, "Restart the server").click()
    assert f"2 clients saw {code}; 2 came back" in shown(panel)


def test_panel_shows_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from wslab.views import panels

    def fail(*_: object, **__: object) -> None:
        raise OSError("no more <files>")

    monkeypatch.setattr(panels, "payload_sweep", fail)
    panel = payload_panel()
    control(panel, "Send this message").click()
    assert "OSError: no more &lt;files&gt;" in shown(panel)
    assert not control(panel, "Send this message").disabled


def test_moving_a_slider_opens_nothing() -> None:
    panel = payload_panel()
    control(panel, "payload (bytes)").value = 5
    assert shown(panel).count("ready") == 1
