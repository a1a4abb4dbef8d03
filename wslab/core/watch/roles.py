"""The control groups of a watch: roles chosen so that any two explanations differ in the fate of some group.

A client keeps one role for the whole watch, and opens a little later than the one before it. The fate of each role
under each explanation (T, A: closed after that time; now: at the same instant as all others; then: right after its own
deed; room: when another opens; any: at random; -: lives on):

    explanation                            silent steady      steady steady    stretching     deaf deaf but hasty
                                                  ping        message pong     ping/msg/pong       talking
    idle timeout, any traffic counts       T      -           -      -         T after last   T    -        T
    … what the client sends                T      -           -      -         T after last   T    -        T
    … what the server sends                T      - (pongs)   if it replies T  as on the left T    …        …
    … messages only                        T      T           -      T         T; msg: after  T    -        T after last
    … and the server pings                 -      -           -      -         -              T    -        -
    maximum age                            A      A           A      A         A              A    A        A
    … since its first message              -      -           A      -         msg: A         -    A        A
    the server's keepalive                 -      -           -      -         -              T    T        -
    restart, reload, scheduled closing     now    now         now    now       now            now  now      now
    a ping is not tolerated                -      then        -      -         ping: then     -    -        -
    a message is not tolerated             -      -           then   -         msg: then      -    then     then
    a cap on the rate of messages          -      -           -      -         -              -    -        then
    … of bytes                             -      -           -      -         -              -    -        then, long
    a cap on messages per connection       -      -           later  -         msg: later     -    later    sooner
    a cap on connections                   room   room        room   room      room           room room     room
    the network                            any    any         any    any       any            any  any      any

*Stretching* makes one pass enough. Its silences double, so it dies in the first one that is longer than the timeout,
whatever that is, at two to three times the age of the silent clients; a maximum age ends it at their age. Staggered
openings tell clocks (the ends are as far apart) from restarts (they are not), and give the bracket: when the first
silent client is closed, the second has survived a silence that is shorter by the distance of their openings.

The verdict is not read off this table: `wslab.core.findings.fits` tries every clock against every life. For each row,
the tests play such a server and assert that this explanation, and no other, is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Literal, NamedTuple

Deed = Literal["message", "ping", "pong"]
Rhythm = Literal["never", "steady", "stretching", "bursts"]

FIRST_STRETCH = 1 / 16
"""The first silence of a stretching role, as a fraction of the steady interval."""

BURST_MESSAGES = 12
BURST_GAP_S = 0.02
BURST_EVERY = 2
"""Steady intervals between bursts."""

LONG_BYTES = 1024
"""Message size in half of the bursts, if possible: these meet a cap on bytes; all bursts meet a cap on messages."""


class Role(NamedTuple):
    """What a client does while it is connected; it always reads.

    Fields:
        name: for tables and figures. deed: what it sends; None: nothing. rhythm: when it sends.
        answers_pings: as RFC 6455 §5.5.2 requires; a deaf client does not, to see whether the server insists.
    """

    name: str
    deed: Deed | None = None
    rhythm: Rhythm = "never"
    answers_pings: bool = True

    def steps(self, interval_s: float) -> Iterator[float]:
        """Yield the seconds to wait before each deed, beginning at the opening."""
        match self.rhythm:
            case "never":
                return
            case "steady":
                yield from repeat(interval_s)
            case "stretching":
                silence_s = FIRST_STRETCH * interval_s
                while True:
                    yield silence_s
                    silence_s *= 2
            case "bursts":
                while True:
                    yield BURST_EVERY * interval_s
                    yield from repeat(BURST_GAP_S, BURST_MESSAGES - 1)

    def messages_per_min(self, interval_s: float) -> float:
        """Return the most messages, including pings and pongs, that it sends per minute."""
        often = {"never": 0.0, "steady": 1.0, "stretching": 1.0, "bursts": BURST_MESSAGES / BURST_EVERY}
        return often[self.rhythm] * 60 / interval_s


ROLES: tuple[Role, ...] = (
    Role("silent"),
    Role("stretching pings", "ping", "stretching"),
    Role("talking", "message", "steady"),
    Role("pinging", "ping", "steady"),
    Role("silent"),  # a second one, later: the distance between the two is the bracket
    Role("stretching messages", "message", "stretching"),
    Role("stretching pongs", "pong", "stretching"),
    Role("ponging", "pong", "steady"),
    Role("deaf", answers_pings=False),
    Role("deaf but talking", "message", "steady", answers_pings=False),
    Role("hasty", "message", "bursts"),
    Role("silent"),
)
"""In order of use: a smaller watch has the first of them, a larger one starts over."""

MIN_CLIENTS = 5
"""With fewer, some explanations have no control."""


def roles(clients: int) -> list[Role]:
    """Return the role of each client, by its number.

    >>> [role.name for role in roles(3)]
    ['silent', 'stretching pings', 'talking']
    """
    return [ROLES[number % len(ROLES)] for number in range(clients)]
