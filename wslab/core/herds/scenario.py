"""The scenario of a simulated herd: one restart, and a server of limited capacity.

Names are those of `wslab.core.knobs.Knobs` where a lab server has the same knob, so that prediction and measurement are
set up in the same words. The other fields describe what a real server and network bring with them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from wslab.core.arguments import check_choice, check_number, check_type
from wslab.core.bounds import Bound, check_fields
from wslab.core.knobs import AdmissionsPerS

FloatArray = npt.NDArray[np.float64]

SimulatedDown = Literal["refuse", "unavailable", "hang"]

DAY_S = 86_400
MANY = 1_000_000_000

VirtualS = Annotated[float, Bound(0, DAY_S, "seconds")]
AttemptS = Annotated[float, Bound(1e-6, 60, "seconds", hint="attempts that take no time would never end")]


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One restart and one server's capacity. Time 0 is when the listener closes.

    Args:
        downtime_s: from listener closed to listening again.
        while_down: the response to attempts until then: "refuse" (nobody listens), "unavailable" (503), "hang" (no
            answer; clients that still wait when the server is up again are cut off). A server that opens and then
            closes with 1013 begins a new outage with every attempt; only a real herd shows that.
        retry_after_s: the Retry-After of a 503, during the downtime and from a full queue. None: no such header.
        drain_s, drain_batch: closures are spread over `drain_s` from time 0 on, in batches of `drain_batch`, as by a
            lab server. None: one at a time.
        close_code: the close code of all connections; a policy that does not retry it makes no attempt.
        max_admissions_per_s: opening handshakes answered per second, first come, first served. None: no limit.
        burst: handshakes that an idle server answers at once before that rate applies.
        max_waiting: attempts that may wait for their turn; any more get a 503 at once. None: no bound.
        refusal_cost: the cost of such a 503 to the server, in admissions.
        handshake_s: from an attempt's turn to its answer at the client: round trips and the server's work.
        refused_s: from an attempt at a closed port until the client knows.
        timeout_s: a client abandons an attempt after this time without an answer. Its turn is spent nonetheless: the
            server learns too late. None: it waits indefinitely.
        until_s: no attempt starts later: a server that spends its turns on clients that left may never catch up.

    Raises:
        TypeError, ValueError: a value has the wrong type or is out of bounds; the message says which.

    >>> Scenario(while_down="refuze")
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: while_down is 'refuze'; did you mean 'refuse'? Known: 'refuse', 'unavailable', \
'hang'
    """

    downtime_s: VirtualS = 0.5
    while_down: SimulatedDown = "refuse"
    retry_after_s: VirtualS | None = None
    drain_s: VirtualS = 0.0
    drain_batch: Annotated[int, Bound(1, MANY, "connections", none="one at a time")] | None = None
    close_code: Annotated[int, Bound(1000, 4999, "(a close code)")] = 1012
    max_admissions_per_s: AdmissionsPerS | None = None
    burst: Annotated[int, Bound(1, MANY, "admissions")] = 1
    max_waiting: Annotated[int, Bound(1, MANY, "attempts", none="no bound")] | None = None
    refusal_cost: Annotated[float, Bound(0, 1000, "admissions")] = 0.0
    handshake_s: AttemptS = 0.001
    refused_s: AttemptS = 0.001
    timeout_s: Annotated[float, Bound(1e-6, DAY_S, "seconds", none="as long as it takes")] | None = None
    until_s: VirtualS = 600.0

    def __post_init__(self) -> None:
        check_fields(self)
        check_number("timeout_s", self.timeout_s, low=self.handshake_s, high=DAY_S, unit="seconds", optional=True)

    def closed_at_s(self, clients: int) -> FloatArray:
        """Return when each client is closed: batch by batch, evenly over `drain_s`."""
        batch = clients if not self.drain_s else self.drain_batch or 1
        batches = -(-clients // batch)
        return np.floor_divide(np.arange(clients), batch) * np.float64(self.drain_s / batches)


def changed(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    """Return a copy of `scenario` with `changes`; for an unknown name, ValueError suggests the nearest ones."""
    check_type("scenario", scenario, Scenario, "a Scenario; write single fields by name, such as downtime_s=5")
    for name in changes:
        check_choice("field of Scenario", name, Scenario.__struct_fields__)
    return msgspec.structs.replace(scenario, **changes)
