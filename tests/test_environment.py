"""The requirements are written twice, for pip and for conda; here is what keeps the two the same."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONDA = (ROOT / "environment.yml").read_text(encoding="utf-8")
BINDER = (ROOT / "binder" / "environment.yml").read_text(encoding="utf-8")

Bounds = dict[str, SpecifierSet]


def bounds(requirements: list[str]) -> Bounds:
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, requirements)}


def bounds_for_pip() -> Bounds:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return bounds([f"python{project['requires-python']}", *project["dependencies"]])


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
    ("line", "drifted"),
    [
        ("  - rich>=13\n", ""),
        ("  - rich>=13\n", "  - rich>=14\n"),
        ("  - rich>=13\n", "  - rich\n"),
        ("  - rich>=13\n", "  - rich>=13\n  - numpy\n"),
        ("  - python>=3.11\n", "  - python>=3.12\n"),
    ],
    ids=["missing", "other bound", "no bound", "additional", "other Python"],
)
def test_environment_that_drifted_is_noticed(line: str, drifted: str) -> None:
    assert line in CONDA
    assert bounds_for_conda(CONDA.replace(line, drifted)) != bounds_for_pip()
