"""What a drill does to its server, or to a fleet of them; the same for a crowd of clients and for a herd."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from wslab.core.arguments import check_choice, check_number, check_whole
from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.knobs import Knobs, changed
from wslab.core.records import RestartKind
from wslab.experiments.conduct import Bench, Lab
from wslab.experiments.gathering import Gathering
from wslab.net.server.fleet import LabFleet


class Restarts(NamedTuple):
    """Restarts of one kind; the changes come with the first."""

    kind: RestartKind
    downtime_s: float | None
    changes: dict[str, Any]
    repeats: int

    def check(self, target: Lab | Knobs) -> None:
        """Raise, before anything starts, if these restarts cannot be done to this target."""
        check_whole("repeats", self.repeats, low=1, high=100, unit="restarts")
        check_choice("kind", self.kind, get_args(RestartKind))
        check_number("downtime_s", self.downtime_s, low=0, high=600, unit="seconds", optional=True)
        if not isinstance(target, Lab | Knobs):
            raise BadTypeError(
                f"target is {target!r}, but a drill restarts its server: give a LabServer, a LabFleet, or Knobs for "
                "one; a server of your own you restart yourself, while stay_connected(url) runs"
            )
        if not isinstance(target, Knobs) and isinstance(target, LabFleet) != self.of_fleet:
            raise BadValueError(f"kind is {self.kind!r}, but a LabFleet is restarted by 'rolling', and nothing else is")
        changed(target if isinstance(target, Knobs) else target.knobs, self.changes)

    @property
    def of_fleet(self) -> bool:
        return self.kind == "rolling"

    async def carry_out(self, bench: Bench, gathering: Gathering) -> None:
        """Restart once the clients are connected, and again whenever they are back."""
        await gathering.connected()
        for number in range(self.repeats):
            async with gathering.outage():
                changes = self.changes if number == 0 else {}
                await bench.restartable.restart_async(self.kind, downtime_s=self.downtime_s, **changes)
