"""Which way imports go, read from the source: an import inside a function counts like any other.

Why not import-linter (2.16 was tried): it takes some eight contracts to say what the one table below says, refuses a
`forbidden` contract that names a module not yet written, and passes a cycle through a package's own `__init__`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "wslab"

BELOW_EXPERIMENTS = {"core", "net"}
BELOW_THE_TOP = {*BELOW_EXPERIMENTS, "experiments", "captures", "checks", "fieldguide", "fieldguide.clients", "views"}

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "net": {"core"},
    "fieldguide.clients": BELOW_EXPERIMENTS,
    "experiments": {*BELOW_EXPERIMENTS, "fieldguide.clients"},  # which observe them
    "captures": BELOW_EXPERIMENTS,
    "checks": {*BELOW_EXPERIMENTS, "experiments"},
    # The same checks on every server, client and proxy that can be installed.
    "fieldguide": {*BELOW_EXPERIMENTS, "fieldguide.clients", "experiments", "checks"},
    # Beside the floors above, on core alone: every figure can be drawn from a file, with no socket open.
    "views": {"core"},
    # Runs in the Jupyter server, which has no use for the rest.
    "jupyter": BELOW_EXPERIMENTS,
    # Voilà, which serves a notebook; the panels are in its kernels.
    "app": set(),
    # Where the two meet.
    "panels": {*BELOW_THE_TOP, "course"},
    "reports": BELOW_THE_TOP,
    "notebook": {*BELOW_THE_TOP, "cli", "reports"},
    # A server and a client to practise on, tried by the checks.
    "pair": {*BELOW_EXPERIMENTS, "checks"},
    "course": {*BELOW_EXPERIMENTS, "experiments", "pair"},
    "cli": {*BELOW_THE_TOP, "app", "course", "reports"},
    "__main__": {"cli"},
    "pytest_plugin": {*BELOW_EXPERIMENTS, "experiments"},
}
"""For each layer the others that it may import. A module in no layer has no place in the package."""

NOT_IN_CORE = {"asyncio", "socket", "websockets", "pandas", "matplotlib", "ipywidgets", "IPython"}


class Import(NamedTuple):
    """One imported name, absolute: of `from a import b` it is `a.b`, whether b is a module or not."""

    importer: str
    name: str
    place: str


def read_imports(package: Path) -> list[Import]:
    return [
        Import(module_at(path, package), name, f"{path.relative_to(package.parent).as_posix()}:{node.lineno}")
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported_names(node, ".".join(path.relative_to(package.parent).parent.parts))
    ]


def imported_names(node: ast.Import | ast.ImportFrom, parent: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        origin = resolve_name("." * node.level + (node.module or ""), parent)
        yield from (f"{origin}.{alias.name}" for alias in node.names)


def module_at(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def nearest(name: str, known: set[str]) -> str | None:
    """Return the longest dotted beginning of `name` that is known."""
    parts = name.split(".")
    beginnings = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((beginning for beginning in beginnings if beginning in known), None)


def fault(found: Import, package: str) -> str | None:
    """Say what is wrong with an import; None where nothing is. The package's `__init__` may import from everywhere."""
    if found.importer == package:
        return None
    layer = nearest(found.importer.removeprefix(f"{package}."), set(MAY_IMPORT))
    if layer is None:
        return f"{found.importer} is in no layer"
    if found.name.split(".")[0] != package:
        forbidden = layer == "core" and found.name.split(".")[0] in NOT_IN_CORE
        return f"core imports {found.name}" if forbidden else None
    target = nearest(found.name.removeprefix(f"{package}."), set(MAY_IMPORT))
    return None if target in {layer, *MAY_IMPORT[layer]} else f"{layer} imports {target or found.name}"


def faults(package: Path) -> list[str]:
    judged = ((found, fault(found, package.name)) for found in read_imports(package))
    return [f"{found.place}: {complaint}" for found, complaint in judged if complaint]


def cycle(package: Path) -> list[str]:
    """Return modules of which each imports the next and the last is the first again; empty where there are none."""
    modules = {module_at(path, package) for path in package.rglob("*.py")}
    graph: dict[str, set[str]] = defaultdict(set)
    for found in read_imports(package):
        target = nearest(found.name, modules)
        if target and target != found.importer:
            graph[found.importer].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_go_the_way_of_the_layers() -> None:
    assert faults(PACKAGE) == []


def test_imports_form_no_cycle() -> None:
    assert cycle(PACKAGE) == []


def test_imports_are_found_in_the_package() -> None:
    assert ("wslab.core.runs", "wslab.core.records.Kinds") in {found[:2] for found in read_imports(PACKAGE)}


def write_package(folder: Path, sources: dict[str, str]) -> Path:
    for name, source in sources.items():
        path = folder / "wslab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder / "wslab"


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("core/runs.py", "import asyncio", "core imports asyncio"),
        ("core/runs.py", "import os, socket", "core imports socket"),
        ("core/runs.py", "from pandas import DataFrame", "core imports pandas.DataFrame"),
        ("core/runs.py", "def draw():\n    import matplotlib.pyplot", "core imports matplotlib.pyplot"),
        ("core/runs.py", "try:\n    import ipywidgets\nexcept ImportError: ...", "core imports ipywidgets"),
        ("core/runs.py", "from wslab.net.client.client import send_message", "core imports net"),
        ("core/runs.py", "from ..net import client", "core imports net"),
        ("core/runs.py", "import wslab", "core imports wslab"),
        ("core/runs.py", "from wslab import load", "core imports wslab.load"),
        ("net/client.py", "from wslab.experiments import payload_sweep", "net imports experiments"),
        ("net/client.py", "from wslab import checks", "net imports checks"),
        ("net/client.py", "from wslab.views import tables", "net imports views"),
        ("experiments.py", "from wslab.views.tables import closures", "experiments imports views"),
        ("experiments.py", "from wslab.checks import server", "experiments imports checks"),
        ("checks/server.py", "from wslab.cli import app", "checks imports cli"),
        ("fieldguide/nginx.py", "from wslab.panels import sweep", "fieldguide imports panels"),
        ("views/tables.py", "from wslab.net import client", "views imports net"),
        ("views/plots.py", "from wslab.experiments import payload_sweep", "views imports experiments"),
        ("views/plots.py", "from wslab.panels import sweep", "views imports panels"),
        ("views/__init__.py", "from wslab.net import client", "views imports net"),
        ("panels.py", "from wslab.cli import app", "panels imports cli"),
        ("misc.py", "import os", "wslab.misc is in no layer"),
    ],
)
def test_import_against_the_layers_is_noticed(tmp_path: Path, file: str, source: str, complaint: str) -> None:
    package = write_package(tmp_path, {"__init__.py": "", file: source})
    assert [found.partition(": ")[2] for found in faults(package)] == [complaint]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("__init__.py", "from wslab.core.runs import load\nfrom wslab.experiments import payload_sweep"),
        ("core/runs.py", "import json\nimport msgspec\nfrom wslab.core.records import Record"),
        ("net/client.py", "import asyncio\nfrom wslab.core import records\nfrom wslab.net.limits.wire import Frame"),
        ("experiments.py", "from wslab.net.client.client import send_message"),
        ("checks/server.py", "from wslab.net import wire\nfrom wslab.checks.client import case"),
        ("views/plots.py", "import pandas\nfrom wslab.core.runs import Run\nfrom wslab.views.tables import closures"),
        ("panels.py", "from wslab import experiments\nfrom wslab.views import plots"),
        ("cli.py", "from wslab.checks import server\nfrom wslab.views.tables import closures"),
    ],
)
def test_import_along_the_layers_passes(tmp_path: Path, file: str, source: str) -> None:
    assert faults(write_package(tmp_path, {file: source})) == []


@pytest.mark.parametrize(
    ("sources", "modules"),
    [
        ({"core/a.py": "from wslab.core.b import x", "core/b.py": "from wslab.core import a"}, {"core.a", "core.b"}),
        (
            {
                "net/a.py": "import wslab.net.b",
                "net/b.py": "def f():\n    from wslab.net.c import y",
                "net/c.py": "from .a import z",
            },
            {"net.a", "net.b", "net.c"},
        ),
        ({"net/__init__.py": "from wslab.net.a import x", "net/a.py": "from wslab.net import y"}, {"net", "net.a"}),
    ],
    ids=["two modules", "three modules", "through a package"],
)
def test_import_cycle_is_noticed(tmp_path: Path, sources: dict[str, str], modules: set[str]) -> None:
    package = write_package(tmp_path, {"__init__.py": "", **sources})
    assert {module.removeprefix("wslab.") for module in cycle(package)} == modules


def test_what_is_raised_on_purpose_is_an_error_of_the_package() -> None:
    """So that `except wslab.WslabError` catches it, and a traceback of anything else is a fault of ours."""
    raised = [
        f"{path.relative_to(PACKAGE.parent)}:{node.lineno} raises {node.exc.func.id}; see wslab/core/errors.py"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
        if node.exc.func.id in ("ValueError", "TypeError", "RuntimeError", "ImportError")
    ]
    assert raised == []


def test_import_of_wslab_loads_no_pictures_and_no_widgets() -> None:
    """They cost more than everything else together, and a script or the server's child never needs them."""
    loaded = "import sys, wslab; print(*{name.partition('.')[0] for name in sys.modules})"
    child = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    names = set(child.stdout.split())
    assert "wslab" in names
    assert names.isdisjoint({"pandas", "matplotlib", "ipywidgets", "IPython"})
