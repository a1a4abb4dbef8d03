"""The notebook behind a report: a lesson, any other notebook, or one made for a saved run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.reader import NotJSONError

from wslab.core import places
from wslab.core.arguments import check_choice
from wslab.core.errors import NotebookError
from wslab.core.printable import as_markdown
from wslab.core.runs import Run, load
from wslab.reports.runs import run_heading, run_notebook

RUN_SUFFIXES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True)
class Material:
    """The source of a report.

    Fields:
        notebook: its cells, without the first heading.
        heading: that heading, as Markdown, or the name if there is none.
        name: of the file, without suffixes. folder: where the cells run.
        run: the saved run that the notebook shows, if it is one.
    """

    notebook: NotebookNode
    heading: str
    name: str
    folder: Path
    run: Run | None = None


def open_notebook(what: str) -> Material:
    """Return the source of a report: the number or name of a lesson, or the path of a notebook or a saved run.

    Raises:
        ValueError: there is no such lesson, or the file is neither a notebook nor a run.
        RunFileError: the run is damaged, or was written by a newer version.
        OSError: the file cannot be read.
    """
    path = _path(what)
    if path.name.endswith(RUN_SUFFIXES):
        run = load(path)
        return Material(
            run_notebook(run, path.name), run_heading(run), path.name.partition(".jsonl")[0], path.parent, run
        )
    if path.suffix != ".ipynb":
        raise NotebookError(f"{what!r} is neither a notebook (.ipynb) nor a saved run ({' or '.join(RUN_SUFFIXES)})")
    notebook = _read(path)
    return Material(notebook, _lift_heading(notebook) or as_markdown(path.stem), path.stem, path.parent)


def lessons() -> dict[str, Path]:
    """Return the lessons by name, in order; translated ones come last, under their language: `ja/00_…`."""
    folder = places.lessons()
    own, translated = (sorted(folder.glob(f"{begin}[0-9][0-9]_*.ipynb")) for begin in ("", "??/"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in [*own, *translated]}


def _path(what: str) -> Path:
    if what.isdecimal():
        numbers = {name[:2]: path for name, path in lessons().items() if "/" not in name}
        check_choice("lesson", f"{int(what):02}", numbers)
        return numbers[f"{int(what):02}"]
    path = Path(what)
    if not path.suffix and not path.exists():
        check_choice("lesson", what, lessons(), hint="or give the file of a notebook or a run")
        return lessons()[what]
    return path.absolute()


def _lift_heading(notebook: NotebookNode) -> str:
    """Remove the first heading of a notebook and return it; empty if it does not begin with one."""
    first = next(iter(notebook.cells), None)
    found = re.match(r"\s*# +(.+)\n?", first.source) if first is not None and first.cell_type == "markdown" else None
    if first is None or found is None:
        return ""
    first.source = first.source[found.end() :].lstrip("\n")
    return str(found[1]).strip()


def _read(path: Path) -> NotebookNode:
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (NotJSONError, UnicodeDecodeError):
        raise NotebookError(f"{path} is not a notebook: it does not hold JSON") from None
    except nbformat.ValidationError as error:
        raise NotebookError(f"{path} is not a notebook: {str(error).splitlines()[0]}") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # other JSON breaks nbformat itself
        raise NotebookError(f"{path} is not a notebook, or of an unknown version: {error}") from None
    return notebook  # type: ignore[no-any-return]
