"""What a page was told about the end of its connection, what Python's client saw, and the server's account.

Tables in words, from runs of `browser_drill`. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import pandas as pd

from wslab.core.codes.registry import lookup
from wslab.core.records import BROWSER, Account, Attempt, Notice
from wslab.core.runs import Run

Side: TypeAlias = dict[str, str]
"""What one side reports: topics, and words for each."""

HEADINGS = {"page": "the page was told", "python": "Python's client saw", "server": "the server's account"}
"""The columns of both tables, for readers."""

ANSWERS = {
    "refuse": "nothing: nobody listened",
    "unavailable": "HTTP 503",
    "try_again_later": "101, then 1013",
    "flap": "101, then its restart code",
    "hang": "nothing",
}
"""How a server that is down answers an opening handshake."""

ORDER = "in this order"

HANDSHAKES = {"error": "an error event, which says nothing", "silence": "nothing in time"}
"""What a page's first event says about its opening handshake, unless it opened."""


def page(run: Run) -> pd.DataFrame:
    """Return one row per fact about the end of a connection, in the words of each side of a `browser_drill`.

    Columns:
        what (string), page, python, server (string; missing if that side knows nothing about it).
    """
    sides = {"page": _of_page(run), "python": _of_python(run), "server": _of_server(run)}
    things = list(dict.fromkeys(thing for side in sides.values() for thing in side))
    words = {name: [side.get(thing) for thing in things] for name, side in sides.items()}
    return pd.DataFrame({"what": things} | words, dtype="string")


def pages(runs: Mapping[str, Run] | Iterable[Run]) -> pd.DataFrame:
    """Return one row per run of `browser_drill`, with the most important fact of each side.

    That is an exception, else the end, else the failed handshake.

    Columns:
        run (string; only if the runs have names), case, page, python, server (string).
    """
    rows = [
        (case(run), *(_in_short(side(run)) for side in (_of_page, _of_python, _of_server)))
        for run in (runs.values() if isinstance(runs, Mapping) else runs)
    ]
    table = pd.DataFrame(rows, columns=["case", "page", "python", "server"], dtype="string")
    if isinstance(runs, Mapping):
        table.insert(0, "run", pd.Series(list(runs), dtype="string"))
    return table


def case(run: Run) -> str:
    """Return what page and client met in a run of `browser_drill`."""
    met, knobs = run.info.parameters, run.info.knobs
    assert knobs is not None, "a drill has a lab server"
    match met["case"]:
        case "restart":
            return f"a restart that says {knobs.restart_code}"
        case "oversized":
            return f"a message of {met['payload_bytes']:,} bytes, over the limit"
        case "close":
            return f"a close({met['close_code']}) of one's own"
        case "down":
            return f"a server that is down and answers {ANSWERS[knobs.while_down].partition(':')[0]}"
        case other:
            return f"a {other}"


def _in_short(side: Side) -> str:
    end = ", ".join(side[thing] for thing in ("close code", "clean") if thing in side)
    return side.get("thrown") or end or side["handshake"].partition(":")[0]


def _of_page(run: Run) -> Side:
    told = [one for one in run.notices if one.subject == BROWSER]
    if not told:
        return {"handshake": "no page took part"}
    side = {"handshake": HANDSHAKES.get(told[0].event, told[0].event)}
    for one in told:
        if one.event == "thrown":
            side["thrown"] = _thrown(one)
        if one.event == "close" and one.close_code is not None:
            side |= _end(one.close_code, one.close_reason or "", clean=bool(one.clean))
    return side | {ORDER: " → ".join(f"{one.event} {_ms(one.elapsed_s)}" for one in told)}


def _of_python(run: Run) -> Side:
    attempt, *_ = run.attempts
    began_at_s = attempt.started_at_s
    order = [f"{attempt.outcome} {_ms(attempt.ended_at_s - began_at_s)}"]
    side = {"handshake": _answer(attempt)}
    for one in run.notices:
        if one.subject != BROWSER:
            side["thrown"] = _thrown(one)
            order.append(f"{one.event} {_ms(one.elapsed_s)}")
    for closure in run.closures:
        side |= _end(closure.close_code, closure.close_reason, clean=closure.clean)
        order.append(f"close {_ms(closure.close_started_at_s - began_at_s)}")
        order.append(f"end of TCP {_ms(closure.closed_at_s - began_at_s)}")
    return side | {ORDER: " → ".join(order)}


def _thrown(notice: Notice) -> str:
    return f"{notice.call} threw {(notice.words or '').partition(':')[0]}"


def _answer(attempt: Attempt) -> str:
    if attempt.http_status is None:
        return f"{attempt.outcome}: {attempt.error}".partition(";")[0]
    after = "" if attempt.retry_after_s is None else f", Retry-After {attempt.retry_after_s:.0f} s"
    return f"HTTP {attempt.http_status}{after}"


def _ms(elapsed_s: float) -> str:
    return f"{1000 * elapsed_s:,.1f} ms"


def _end(code: int, reason: str, *, clean: bool) -> Side:
    return {
        "close code": lookup(code).label,
        "reason": f"“{reason}”" if reason else "none",
        "clean": "clean" if clean else "not clean",
    }


def _of_server(run: Run) -> Side:
    """Return the server's account of both connections, each separately if they differ."""
    assert run.info.knobs is not None, "a drill has a lab server"
    if not run.accounts:
        return {"handshake": ANSWERS[run.info.knobs.while_down]}
    pages = {one.connection_id for one in run.notices if one.subject == BROWSER}
    by_client = {"page" if account.connection_id in pages else "Python": _account(account) for account in run.accounts}
    side = {}
    for thing in ("handshake", "close code", "reason"):
        words = {client: own[thing] for client, own in by_client.items() if thing in own}
        alike = len(set(words.values())) == 1
        said = words.values() if alike else (f"{own} ({client})" for client, own in words.items())
        side[thing] = "; ".join(dict.fromkeys(said))
    return side


def _account(account: Account) -> Side:
    took_leave = account.closed_by == "client"
    close = account.received if took_leave else account.sent
    frame = close.code if close else "no close frame"
    return {
        "handshake": "HTTP 101",
        "close code": f"{'received' if took_leave else 'sent'} {frame}",
        "reason": f"“{close.reason}”" if close and close.reason else "none",
    }
