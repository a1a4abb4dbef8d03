"""What a drill does to its server or fleet, whether its clients are a crowd or a herd."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from wslab.core.arguments import check_choice, check_number, check_whole
from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.knobs import Knobs, changed
from wslab.core.records import RestartKind
from wslab.core.target import Target
from wslab.experiments.conduct import Bench, Lab
from wslab.experiments.gathering import Gathering
from wslab.net.server.fleet import LabFleet


class Restarts(NamedTuple):
    """Restarts of one kind; the first one makes the changes."""

    kind: RestartKind
    downtime_s: float | None
    changes: dict[str, Any]
    repeats: int

    def check(self, target: Lab | Knobs | Target | str) -> None:
        """Raise, before anything starts, if these restarts cannot be done to this target."""
        check_whole("repeats", self.repeats, low=1, high=100, unit="restarts")
        check_choice("kind", self.kind, get_args(RestartKind))
        check_number("downtime_s", self.downtime_s, low=0, high=600, unit="seconds", optional=True)
        if isinstance(target, Target | str):
            if self.changes or self.downtime_s is not None or self.of_fleet:
                raise BadValueError(
                    "a rolling kind, downtime_s and changes need a server of the lab, but this target is "
                    "foreign: restart it yourself while the clients are connected"
                )
            return
        if not isinstance(target, Lab | Knobs):
            raise BadTypeError(
                f"target is {target!r}, but must be a LabServer, a LabFleet, Knobs for one, a Target, or a URL"
            )
        if not isinstance(target, Knobs) and isinstance(target, LabFleet) != self.of_fleet:
            raise BadValueError(f"kind is {self.kind!r}, but 'rolling' restarts a LabFleet, and only a LabFleet")
        changed(target if isinstance(target, Knobs) else target.knobs, self.changes)

    @property
    def of_fleet(self) -> bool:
        return self.kind == "rolling"

    async def carry_out(self, bench: Bench, gathering: Gathering) -> None:
        """Restart once the clients are connected, and again when they are back; for a foreign server, just wait."""
        await gathering.connected()
        if bench.lab is None and not gathering.tally().held:
            return
        for number in range(self.repeats):
            async with gathering.outage():
                if bench.lab is None:
                    await gathering.lost()
                    continue
                changes = self.changes if number == 0 else {}
                await bench.restartable.restart_async(self.kind, downtime_s=self.downtime_s, **changes)
