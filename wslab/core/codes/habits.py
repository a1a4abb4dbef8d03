"""What real servers and clients do about a close code: counts from the recorded field guide, each product once."""

from __future__ import annotations

import functools
from typing import NamedTuple

from wslab.core.codes.languages import Say
from wslab.core.fieldguide import Group, GuideEntry, read_entries, tally_products


class Practice(NamedTuple):
    """One sentence about the products that give one of `answers` to a question."""

    text: str
    question: str
    answers: tuple[str, ...] = ("passes",)
    group: Group = "server"


PRACTICES: dict[int, tuple[Practice, ...]] = {
    1009: (
        Practice("{seen} servers close with 1009 on a message over their limit.", "refuses_with_1009"),
        Practice(
            "{seen} servers then read on, so that a client which is still sending is told.", "drains_after_refusing"
        ),
        Practice("{seen} servers name the limit in the close reason.", "reason_names_the_limit"),
        Practice(
            "{seen} clients tell their application 1009 if the server reads on after refusing.",
            "told_after_refusal",
            group="plain",
        ),
        Practice(
            "{seen} clients tell their application 1009 even if the server resets the connection.",
            "told_after_reset",
            group="plain",
        ),
    ),
    1012: (
        Practice("{seen} servers say 1012 or 1001 to idle clients when they are stopped.", "tells_idle_clients"),
        Practice("{seen} clients tell their application the code and the reason.", "told_of_1012", group="plain"),
        Practice("{seen} reconnecting clients come back after 1012.", "comes_back_after_1012", group="client"),
        Practice("{seen} reconnecting clients spread their return at random.", "spreads", group="client"),
    ),
    1006: (
        Practice(
            "{seen} servers leave idle clients with 1006 when they are stopped.", "tells_idle_clients", ("fails",)
        ),
        Practice(
            "{seen} clients notice that the server has vanished.",
            "notices_a_vanished_peer",
            group="plain",
        ),
        Practice("{seen} reconnecting clients come back after 1006.", "comes_back_after_1006", group="client"),
    ),
    1013: (Practice("{seen} reconnecting clients come back after 1013.", "comes_back_after_1013", group="client"),),
    1001: (Practice("{seen} reconnecting clients come back after 1001.", "comes_back_after_1001", group="client"),),
}
"""By close code. `wslab fieldguide --recorded` shows the names and the evidence."""

HEADING = "Seen in the field guide"
OF = "{yes} of {asked}"
MIXED = "In {mixed} more, it depends on the variant."


@functools.cache
def _recorded() -> tuple[GuideEntry, ...]:
    try:
        return tuple(read_entries())
    except OSError:  # a package without its data
        return ()


def in_practice(code: int, say: Say = str) -> tuple[str, ...]:
    """Return what real servers and clients do about a close code, in sentences translated by `say`.

    Products are counted in the recorded field guide; a question that was not recorded has no sentence.
    """
    return tuple(sentence for practice in PRACTICES.get(code, ()) if (sentence := _counted(practice, say)))


def _counted(practice: Practice, say: Say) -> str:
    counted = tally_products(_recorded(), practice.question, *practice.answers, group=practice.group)
    if not counted.asked:
        return ""
    seen = say(OF).format(yes=len(counted.yes), asked=len(counted.asked))
    mixed = " " + say(MIXED).format(mixed=len(counted.mixed)) if counted.mixed else ""
    return say(practice.text).format(seen=seen) + mixed
