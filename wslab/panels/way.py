"""Which way leads from a page to a lab server: tried with real connections, and told by what comes of a close code."""

from __future__ import annotations

from typing import Any

from wslab.core.records import Close
from wslab.core.routes import CloseEvent, RouteJudgement, Way, judge, routes
from wslab.core.runs import Run
from wslab.experiments import Cancel, browser_drill
from wslab.net.server.lab_server import LabServer
from wslab.panels.page import PanelPage

TRIAL: dict[str, Any] = {"max_message_bytes": 1, "max_frame_bytes": None, "after_refusal": "drain", "reply": "echo"}
"""Knobs under which two bytes meet a 1009 with a reason that nobody in between would make up."""

TRIAL_TIMEOUT_S = 5.0


def find_way(server: LabServer, page: PanelPage, wanted: Way | None, cancel: Cancel) -> RouteJudgement:
    """Try the ways from the page to the server, best first, have the page take one, and say what it does to codes.

    The first that changes nothing is taken, else one that does; none where nothing opened. `wanted` is the only one
    to try. While a trial runs, the server has its knobs.
    """
    try:
        ways = [route for route in routes(server.url, **page.whereabouts()) if wanted in (None, route.way)]
    except ValueError as error:  # a page without an address of the web
        return RouteJudgement("unreachable", f"{error}.")
    before = {name: getattr(server.knobs, name) for name in TRIAL}
    server.tune(**TRIAL)
    try:
        findings: dict[Way, RouteJudgement] = {}
        for route in ways:
            page.way = route.way
            run = browser_drill(server, "oversized", page=page, timeout_s=TRIAL_TIMEOUT_S, cancel=cancel)
            findings[route.way] = judge(route, [_trial(run)])
            if findings[route.way].outcome in ("direct", "preserved"):
                return findings[route.way]
    finally:
        server.tune(**before)
    page.way = next((way for way, finding in findings.items() if finding.outcome == "altered"), None)
    if page.way is not None:
        return findings[page.way]
    said = [finding.explanation for finding in findings.values()] or [f"No way {wanted} leads from this page."]
    return RouteJudgement("unreachable", " ".join(said))


def _trial(run: Run) -> tuple[Close, CloseEvent]:
    """Return what the server sent to the page and what the page was told; unopened, where the server saw no page."""
    events = {notice.event: notice for notice in run.notices}
    connection_id = events["open"].connection_id if "open" in events else None
    sent = next((account.sent for account in run.accounts if account.connection_id == connection_id), None)
    close = events.get("close")
    if sent is None or close is None or close.close_code is None:
        return Close(code=1009), CloseEvent(opened=False, code=1006)
    return sent, CloseEvent(opened=True, code=close.close_code, reason=close.close_reason or "")
