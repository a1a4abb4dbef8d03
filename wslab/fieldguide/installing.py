"""The field guide's own folder, with an environment for Python and one for Node, separate from the user's.

Without it, subjects run on what the user's environment has.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wslab.core.errors import in_words
from wslab.fieldguide.catalogue import GuideSubject

INSTALLS_WITHIN_S = 600


@dataclass(frozen=True)
class GuideFolder:
    """Where subjects are installed; `path` None: in the user's environment."""

    path: Path | None = None

    @functools.cached_property
    def python(self) -> str:
        own = self.path / "venv" / "bin" / "python" if self.path else None
        return str(own) if own and own.exists() else sys.executable

    @functools.cached_property
    def search_path(self) -> str:
        """PATH, with the programs installed by npm first."""
        return os.pathsep.join((str(self.modules / ".bin"), os.environ.get("PATH", os.defpath)))

    @property
    def modules(self) -> Path:
        return (self.path or Path.cwd()) / "node_modules"

    def missing(self, subject: GuideSubject) -> str | None:
        """Return what a subject lacks and how to get it, or None."""
        lacking = [_name(package) for package in subject.pypi if _name(package) not in self._python_versions]
        if lacking:
            return f"from PyPI: {', '.join(lacking)}; --install fetches it"
        lacking = [package for package in subject.needs.npm if self._npm_version(package) is None]
        if lacking:
            return f"from npm: {', '.join(lacking)}; --install fetches it"
        program = subject.needs.program or self.command(subject)[0]
        if shutil.which(program, path=self.search_path) is None:
            return f"no {program} on PATH; as root: apt-get install {' '.join(subject.needs.debian or [program])}"
        return None

    def command(self, subject: GuideSubject) -> list[str]:
        """Return the command that runs a subject's file, without arguments."""
        runs = [self.python, "-P"] if subject.is_python else (subject.needs.runs or "node").split()
        return [*runs, str(subject.file)]

    def versions(self, subject: GuideSubject) -> dict[str, str]:
        """Return the known versions of a subject's packages."""
        python = {package: self._python_versions.get(_name(package)) for package in subject.pypi}
        told = {**python, **{package: self._npm_version(package) for package in subject.needs.npm}}
        if subject.needs.program:
            told[subject.needs.program] = _program_version(subject.needs.program)
        return {name: version for name, version in told.items() if version}

    def install(self, subjects: Iterable[GuideSubject]) -> Iterator[tuple[str, str | None]]:
        """Install the subjects' packages one by one; yield each with the reason if it failed, else None."""
        assert self.path is not None
        self.path.mkdir(parents=True, exist_ok=True)
        chosen = list(subjects)
        venv.create(self.path / "venv", with_pip=True)
        pip = [str(self.path / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        for package in dict.fromkeys(package for subject in chosen for package in subject.pypi):
            yield package, _failure([*pip, package], self.path)
        npm = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(self.path)]
        for package in dict.fromkeys(package for subject in chosen for package in subject.needs.npm):
            yield package, _failure([*npm, package], self.path)

    @functools.cached_property
    def _python_versions(self) -> dict[str, str]:
        if self.python == sys.executable:
            found = [(each.name, each.version) for each in importlib.metadata.distributions()]
        else:
            found = json.loads(subprocess.run([self.python, "-c", _LIST], capture_output=True, check=True).stdout)
        return {_name(name): version for name, version in found}

    def _npm_version(self, package: str) -> str | None:
        try:
            return str(json.loads((self.modules / package / "package.json").read_bytes())["version"])
        except (OSError, ValueError, KeyError):
            return None


_LIST = """
import importlib.metadata, json
print(json.dumps([(each.name, each.version) for each in importlib.metadata.distributions()]))
"""


def _name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", package)[0]).lower()


def _failure(command: list[str], folder: Path) -> str | None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALLS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return in_words(error)
    said = (done.stderr or done.stdout).strip().splitlines()
    return None if done.returncode == 0 else (said[-1] if said else f"exit code {done.returncode}")


def _program_version(program: str) -> str | None:
    for option in ("--version", "-v", "version"):
        try:
            said = subprocess.run([program, option], capture_output=True, text=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):  # it cannot be run, or waits for something
            continue
        if found := re.search(r"\d+\.\d+(\.\d+)*", said.stdout + said.stderr):
            return found[0]
    return None
