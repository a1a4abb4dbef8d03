"""The call of an experiment: the parameters in its run are taken from the arguments, not typed again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import named
from wslab.core.recordings import Asked, behaviour
from wslab.core.records import Record
from wslab.core.templates import Template
from wslab.experiments.stopping import Cancel
from wslab.net.recording import OnProgress, OnRecord

SAID_ELSEWHERE = ("target", "seed", "progress", "on_record", "cancel")
"""Arguments that a run holds elsewhere than in its parameters, or that have no influence on it."""


@dataclass
class Call:
    """One call of an experiment.

    Fields:
        target: as given; knobs or URL come from it.
        policy: if the experiment takes one.
        parameters: the other arguments, in a form for JSON; a policy as its name and `policy_knobs`.
        chosen: those that differ from their defaults; they identify a recording.
    """

    experiment: str
    target: Any
    seed: int | None
    policy: Policy | None
    parameters: dict[str, Any]
    chosen: dict[str, Any]
    on_progress: OnProgress | None
    on_record: OnRecord | None
    cancel: Cancel | None

    @classmethod
    def taken(cls, experiment: Callable[..., Any], arguments: Mapping[str, Any]) -> Self:
        """Take the arguments of the calling function, as its first statement: `Call.taken(herd_drill, locals())`.

        Raises:
            TypeError, ValueError: there is no such policy.
        """
        defaults = {name: plain(each.default) for name, each in inspect.signature(experiment).parameters.items()}
        parameters = {name: plain(value) for name, value in arguments.items() if name not in SAID_ELSEWHERE}
        chosen = {name: value for name, value in parameters.items() if value != defaults[name]}
        policy = None
        if "policy" in arguments:
            policy = named(arguments["policy"])
            parameters |= {"policy": policy.name, "policy_knobs": dict(policy.knobs)}
            chosen.pop("policy", None)  # its behaviour identifies a recording, not its name
        return cls(
            experiment.__name__,
            target=arguments.get("target"),
            seed=arguments.get("seed"),
            policy=policy,
            parameters=parameters,
            chosen=chosen,
            on_progress=arguments.get("progress"),
            on_record=arguments.get("on_record"),
            cancel=arguments.get("cancel"),
        )

    def instead(self, name: str, **said: Any) -> None:
        """Replace an argument that should not be in the run, such as the payload itself, by these parameters."""
        for named_so in (self.parameters, self.chosen):
            named_so.pop(name, None)
            named_so.update(said)

    def add(self, **derived: Any) -> None:
        """Add parameters for readers of the run: what follows from the arguments, or what this machine lacks."""
        self.parameters.update(derived)

    def asked(self, knobs: Knobs | None, url: str | None) -> Asked:
        """Return what identifies the run: on a server with these knobs, or on a foreign one at this URL."""
        return Asked(
            experiment=self.experiment,
            parameters=self.chosen,
            knobs=knobs,
            seed=self.seed,
            url=url,
            policy=None if self.policy is None else behaviour(self.policy),
        )


def plain(value: Any) -> Any:
    """Return an argument in a form for JSON; None if that would use it up, as for a generator.

    >>> plain((1, range(2), {"a": Path("b")}))
    [1, [0, 1], {'a': 'b'}]
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return value.name  # the folder may name a user
        case msgspec.Struct() | Record():
            return msgspec.to_builtins(value)
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | range():
            return [plain(each) for each in value]
        case Template():
            return value.described()
    return getattr(value, "name", None)
