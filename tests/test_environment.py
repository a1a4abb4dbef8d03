"""The requirements are written twice, for pip and for conda; here is what keeps the two the same."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wslab.fieldguide.catalogue import subjects

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = (ROOT / "environment.yml").read_text(encoding="utf-8")
BINDER = (ROOT / "binder" / "environment.yml").read_text(encoding="utf-8")

Bounds = dict[str, SpecifierSet]


def bounds(requirements: list[str]) -> Bounds:
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, requirements)}


def bounds_for_pip() -> Bounds:
    return bounds([f"python{PROJECT['requires-python']}", *PROJECT["dependencies"]])


def bounds_for_conda(text: str) -> Bounds:
    packages = [line for line in yaml.safe_load(text)["dependencies"] if isinstance(line, str)]
    # conda's `=` is pip's `==`.
    return bounds([re.sub(r"(?<=\w)=(?=\d)", "==", package) for package in packages if package != "pip"])


def test_environment_names_the_requirements_of_pyproject() -> None:
    assert bounds_for_conda(CONDA) == bounds_for_pip()


def test_environment_of_binder_is_the_same_with_one_version_of_python() -> None:
    binder, python = bounds_for_conda(BINDER), bounds_for_pip()["python"]
    pinned = binder.pop("python")
    assert binder == {name: bound for name, bound in bounds_for_pip().items() if name != "python"}
    assert [clause.operator for clause in pinned] == ["=="]  # repo2docker takes its own default for anything else
    assert all(python.contains(f"{clause.version}.0") for clause in pinned)
    assert yaml.safe_load(BINDER)["channels"] == yaml.safe_load(CONDA)["channels"]


def test_binder_installs_the_project_itself() -> None:
    script = ROOT / "binder" / "postBuild"
    assert os.access(script, os.X_OK)
    assert "pip install --no-deps --editable ." in script.read_text(encoding="utf-8")
    assert (ROOT / "binder" / "apt.txt").read_text(encoding="utf-8").split() == ["fonts-noto-cjk"]


def test_environment_installs_the_project_itself() -> None:
    assert {"pip": ["-e ."]} in yaml.safe_load(CONDA)["dependencies"]


@pytest.mark.parametrize(
    ("package", "drifted"),
    [
        ("rich", ""),
        ("rich", "  - rich>=99\n"),
        ("rich", "  - rich\n"),
        ("rich", "  - rich>=13.8\n  - attrs\n"),
        ("python", "  - python>=3.12\n"),
    ],
    ids=["missing", "other bound", "no bound", "additional", "other Python"],
)
def test_environment_that_drifted_is_noticed(package: str, drifted: str) -> None:
    changed, count = re.subn(rf"  - {package}>=.*\n", drifted, CONDA)
    assert count == 1
    assert bounds_for_conda(changed) != bounds_for_pip()


def imported() -> set[str]:
    """Return the modules from elsewhere that the package imports, by their first name; subjects say of themselves."""
    programs = {subject.file for subject in subjects().values()}
    files = [path for path in (ROOT / "wslab").rglob("*.py") if path not in programs]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    known_to_type_checkers = {"_typeshed"}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"wslab"} - known_to_type_checkers


def test_every_module_that_is_imported_is_of_a_requirement() -> None:
    """What is there only because another requirement needs it may be gone with that one's next version."""
    extras = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    declared = set(bounds([*PROJECT["dependencies"], *extras]))
    homes = packages_distributions()
    of_none = {name for name in imported() if not {canonicalize_name(home) for home in homes[name]} & declared}
    assert of_none == set()


def test_forge_tries_the_python_that_is_the_lowest_and_that_of_binder() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    tried = workflow["jobs"]["everywhere"]["strategy"]["matrix"]["python"]
    lowest, pinned = (str(next(iter(bounds_for_conda(text)["python"])).version) for text in (CONDA, BINDER))
    assert {lowest, pinned} <= set(tried)
