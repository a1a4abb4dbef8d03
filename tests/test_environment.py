"""The requirements are written twice, for pip and for conda; here is what keeps the two the same."""

from __future__ import annotations

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

Bounds = dict[str, SpecifierSet]


def bounds(requirements: list[str]) -> Bounds:
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, requirements)}


def bounds_for_pip() -> Bounds:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return bounds([f"python{project['requires-python']}", *project["dependencies"]])


def bounds_for_conda(text: str) -> Bounds:
    packages = [line for line in yaml.safe_load(text)["dependencies"] if isinstance(line, str)]
    return bounds([package for package in packages if package != "pip"])


def test_environment_names_the_requirements_of_pyproject() -> None:
    assert bounds_for_conda(CONDA) == bounds_for_pip()


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
