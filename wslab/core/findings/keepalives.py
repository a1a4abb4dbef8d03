"""A keepalive of the server's, which closes those that do not answer its pings; what tells it from other clocks."""

from __future__ import annotations

from wslab.core.codes.sources import LESSON_09, WEBSOCKETS_FAQ
from wslab.core.findings.closings import ANSWER_PINGS, SAYS_KEEPALIVE
from wslab.core.findings.finding import Alternative, Finding, counted
from wslab.core.findings.fits import MOST_JITTER, Fit
from wslab.core.findings.lives import STAMP_S, Class, Life
from wslab.core.findings.readings import Reading
from wslab.core.findings.weighing import evidence_of, sureness
from wslab.core.findings.wording import ended_how, range_of


def keepalive(reading: Reading, waits_s: list[float], ages: list[Fit]) -> Finding:
    """Shown where those lived on that answered; else an age, or a silence, explains the ends as well."""
    shown = _only_answers_keep(reading)
    said = any(SAYS_KEEPALIVE.search(life.seen.closure.close_reason) for life in reading.dead if life.seen)
    experiment = "connect with a client that answers pings, such as `wslab watch URL`: under a keepalive it lives on"
    if _someone_answered(reading):
        experiment = (
            f"talk more often than every {range_of(waits_s)}, and answer no ping: under a keepalive that is closed"
        )
    instead = Alternative("a maximum age" if ages else "an idle timeout", experiment)
    return Finding(
        rule="server_keepalive",
        what=f"The server pings, and closed those that did not answer within {range_of(waits_s)}, "
        f"{ended_how(reading.dead)}.",
        whose="client",
        sure=sureness(reading, reading.fits[0], "shown" if shown else "likely" if said or not ages else "possible"),
        evidence=evidence_of(reading),
        why=_why_keepalive(reading, len(waits_s), shown=shown, said=said),
        instead=() if shown else (instead,),
        advice=ANSWER_PINGS,
        sources=(WEBSOCKETS_FAQ, LESSON_09),
        facts={"ping_timeout_s": min(waits_s), "connections": len(waits_s)},
    )


def unanswered_s(dead: list[Life]) -> list[float]:
    """Return how long a ping of the server's was left unanswered before each end; none where that does not explain it.

    Whatever else fits then, a keepalive does too, so that no other clock is shown.
    """
    waits_s = [life.unanswered_s for life in dead]
    told = [wait_s for wait_s in waits_s if wait_s is not None]
    agree = len(told) == len(waits_s) and max(told) + STAMP_S <= MOST_JITTER * (min(told) + STAMP_S)
    return told if agree else []


def _only_answers_keep(reading: Reading) -> bool:
    """Whether the answers to the server's pings keep a connection, and messages instead of them do not."""
    pinged: set[Class] = {"server's pings", "client's pongs"}
    return all(
        pinged & fit.clock.restarted_by and "client's messages" not in fit.clock.restarted_by for fit in reading.fits
    )


def _someone_answered(reading: Reading) -> bool:
    """Whether a connection that answered pings is there to compare with."""
    return any(life.times_s(["server's pings"]) and life.times_s(["client's pongs"]) for life in reading.alive)


def _why_keepalive(reading: Reading, ended: int, *, shown: bool, said: bool) -> str:
    if shown:
        return "Connections that answered its pings lived on; what else the others sent made no difference."
    why = f"{counted(ended, 'connection')} ended so long after a ping that the client left unanswered"
    why += ", and the close reason names it" if said else ""
    if _someone_answered(reading):
        return f"{why}; those that answered lived on. Whether messages would have done as well is not told apart."
    return f"{why}; no connection that answered is there to compare with."
