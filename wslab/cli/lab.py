"""`wslab lab`: copy the lessons and their recorded runs into a folder, and open it in JupyterLab."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from wslab.cli.console import FAILED, complain, make_folder
from wslab.core import places


def lab(
    folder: Annotated[Path, typer.Argument(help="Folder for the lessons; created if missing.")] = Path("wslab-lab"),
    browser: Annotated[bool, typer.Option(help="Open the first lesson in the browser.")] = True,
) -> int:
    """Copy the lessons and their recorded runs into a folder, and open it in JupyterLab on loopback.

    Existing files stay as they are, so your work in a lesson is kept; delete a file to get a fresh one.
    """
    if not places.lessons().is_dir():
        return complain("this installation has no lessons; install the wheel, or work in a clone", FAILED)
    make_folder(folder, "FOLDER")
    typer.echo(f"{len(copy_lessons(folder))} files are new in {folder}", err=True)
    first = min((folder / "notebooks").glob("*.ipynb"))
    command = [sys.executable, "-m", "jupyter", "lab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    command += ["--allow-root"]  # in a container the user is often root; loopback and the token guard the server
    command += [f"--LabApp.default_url=/lab/tree/{first.relative_to(folder).as_posix()}"]
    return subprocess.call([*command, *([] if browser else ["--no-browser"])])


def copy_lessons(folder: Path) -> list[Path]:
    """Copy the missing files and return them; lessons open recordings by relative path."""
    new = []
    for source, name in ((places.lessons(), "notebooks"), (places.recordings(), "data")):
        for path in sorted(source.rglob("*")):
            file = folder / name / path.relative_to(source)
            wanted = path.is_file() and ".ipynb_checkpoints" not in path.parts and path.suffix not in (".py", ".toml")
            if wanted and not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, file)
                new.append(file)
    return new
