"""One name a thing, read from the source: who looks for a name finds one module, one class.

A subject keeps its name on every floor, so that what belongs to limits is called `limits` in `core`, in `net` and in
`views`. Those names stand in `SUBJECTS`; any other that stands twice is two things under one name.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "wslab"

SUBJECTS = {
    "app": "the panels as a page, and its command",
    "browser": "a page's WebSocket: the drill and its panel",
    "cards": "comparison cards: what they say, and how a terminal shows it",
    "checks": "cases of a server or client, what came of them, and their table",
    "chunks": "an upload that survives a restart: its two halves, and their sockets",
    "client": "a client, and the check of one",
    "clocks": "what closes by the clock: rules, experiments, cases",
    "codes": "close codes, and their command",
    "exchange": "a message and its answer: as it happens, and as a person reads it",
    "fieldguide": "real servers, clients and proxies: what is known of them, the subjects, the matrix, the command",
    "findings": "what rules conclude, and how it is shown",
    "frames": "RFC 6455's frames, and the experiment on whether smaller ones help",
    "gallery": "the reports of all lessons, and the command that makes it",
    "herd": "one herd: its clients, drill, panel, command",
    "herds": "all about herds: simulation, sockets, panel, figures",
    "knobs": "what may be turned on a lab server, and its options",
    "limits": "the search for a limit: what to try, sockets, cases, figures",
    "outages": "a client's time away: its records and figures",
    "page": "a page of a browser as a client: what a drill asks of it, and how a panel answers",
    "policies": "reconnect policies: what they are, their panels' part, figures",
    "policy": "one policy: what it is, and its panel",
    "probe": "the probe, and its command",
    "progress": "which lessons a learner has solved: the file, its panel, its command",
    "relay": "what stands between client and server: faults, sockets, command, panel",
    "replay": "recordings instead of sockets: in an experiment, and in a notebook",
    "report": "a report, and its command",
    "restarts": "what a server's restart does: in a drill, to a check, in findings",
    "runs": "a run, and how a report shows one that was saved",
    "server": "the lab server, and the check of any other",
    "simulate": "a simulated herd, and its command",
    "story": "a story told by experiments, and its panel",
    "target": "what is under test, and its options",
    "verdicts": "what a limit search says, and how it is shown",
    "visibility": "what a browser may see: the experiment and its figure",
    "watch": "connections watched for as long as they last: who they are, sockets, experiment, command, figure",
    "wslab": "the package, and its own client among the clients that the field guide observes",
}
"""The names that more than one floor has a module of, and what of."""


def modules(package: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return, by its own name, where each module and each folder is, from the package down."""
    found = defaultdict(list)
    for path in sorted(path for path in package.rglob("*.py") if not is_program(path)):
        parts = path.relative_to(package.parent).with_suffix("").parts
        place = parts[:-1] if parts[-1] == "__init__" else parts
        found[place[-1]].append(place)
    return found


def is_program(path: Path) -> bool:
    """Whether it is a subject of the field guide: a program named after its library, which nobody imports."""
    return path.parent.parent.name == "fieldguide" and not (path.parent / "__init__.py").exists()


def is_front(place: tuple[str, ...]) -> bool:
    """Whether it is the module that a folder is named after, such as `net.relay.relay`."""
    return place[-1] == place[-2]


def module_clashes(package: Path) -> list[str]:
    """Return which modules share a name and should not: no subject's, or two on one floor."""
    clashes = []
    for name, places in modules(package).items():
        floors = [place[1:2] for place in places if len(place) == 1 or not is_front(place)]
        if len(floors) > len(set(floors)) or (len(floors) > 1 and name not in SUBJECTS):
            clashes.append(f"{name}: {', '.join('.'.join(place) for place in places)}")
    return clashes


def class_clashes(package: Path) -> list[str]:
    found = defaultdict(list)
    for path in sorted(path for path in package.rglob("*.py") if not is_program(path)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{path.relative_to(package.parent).as_posix()}:{node.lineno}")
    return [f"{name}: {', '.join(places)}" for name, places in found.items() if len(places) > 1]


def test_no_two_modules_share_a_name_but_a_subjects_on_its_floors() -> None:
    assert module_clashes(PACKAGE) == []


def test_no_two_classes_share_a_name() -> None:
    assert class_clashes(PACKAGE) == []


def test_every_subject_has_several_modules() -> None:
    found = modules(PACKAGE)
    assert [name for name in SUBJECTS if len(found[name]) < 2] == []


def write_modules(folder: Path, names: list[str], source: str = "") -> Path:
    for name in names:
        path = folder / "wslab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder / "wslab"


@pytest.mark.parametrize(
    ("names", "clashing"),
    [
        (["net/opening.py", "reports/opening.py"], ["opening"]),
        (["core/limits/watch.py", "core/findings/watch.py"], ["watch"]),
        (["core/herds/__init__.py", "core/herds/limits/__init__.py", "core/limits.py"], ["limits"]),
        (["core/limits/__init__.py", "net/limits/wire.py", "net/limits/__init__.py", "views/limits.py"], []),
        (["net/relay/__init__.py", "net/relay/relay.py", "cli/relay.py"], []),
        (["net/opening.py", "reports/material.py"], []),
    ],
    ids=["no subject", "twice on a floor", "a folder and a module", "a subject", "a folder's front", "two names"],
)
def test_modules_that_share_a_name_are_noticed(tmp_path: Path, names: list[str], clashing: list[str]) -> None:
    found = module_clashes(write_modules(tmp_path, ["__init__.py", *names]))
    assert [clash.partition(":")[0] for clash in found] == clashing


def test_classes_that_share_a_name_are_noticed(tmp_path: Path) -> None:
    package = write_modules(tmp_path, ["core/runs.py", "net/wire.py"], "def f() -> None:\n    class Seen: ...\n")
    assert class_clashes(package) == ["Seen: wslab/core/runs.py:2, wslab/net/wire.py:2"]
