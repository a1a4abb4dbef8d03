"""New values for a notebook's parameters: inserts a cell after the one tagged `parameters`, as papermill does.

papermill itself is not used, because it brings its own executor and storage, which are not needed here.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from wslab.core.arguments import check_choice
from wslab.core.errors import BadValueError

TAG = "parameters"


def set_parameters(notebook: NotebookNode, given: Mapping[str, str]) -> None:
    """Insert a cell that sets these names, each to a Python literal or, failing that, to the text itself.

    Raises:
        ValueError: no cell is tagged, or it sets no such name; the message suggests the nearest.
    """
    if not given:
        return
    place, known = _tagged(notebook)
    for name in given:
        check_choice("parameter", name, known)
    lines = [f"{name} = {_value(text, known[name])!r}" for name, text in given.items()]
    cell = new_code_cell("\n".join(lines), metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(place + 1, cell)


def _tagged(notebook: NotebookNode) -> tuple[int, dict[str, Any]]:
    """Return the index of the tagged cell, and the names that it sets, with their values if they are literals."""
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and TAG in cell.metadata.get("tags", []):
            return place, _assigned(cell.source)
    raise BadValueError(
        f"this notebook has no parameters: tag the cell that sets them {TAG!r} (in JupyterLab: View, Right Sidebar, "
        "Show Property Inspector)"
    )


def _assigned(source: str) -> dict[str, Any]:
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a magic, or another language
        return {}
    found: dict[str, Any] = {}
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name):
                found[target.id] = _literal(getattr(statement, "value", None))
    return found


_SPELLED = {"true": "True", "false": "False", "none": "None", "null": "None"}
"""Spellings of the shell, JSON and YAML, and Python's."""


def _value(text: str, default: Any) -> Any:
    """Return the value of `text`; if the default is a text, so is the value: "10" does not become a number."""
    if isinstance(default, str):
        return text
    spelled = _SPELLED.get(text.strip().lower(), text)
    value = _literal(spelled)
    return text if value is None and spelled != "None" else value


def _literal(source: str | ast.expr | None) -> Any:
    try:
        return ast.literal_eval(source) if source is not None else None
    except (ValueError, SyntaxError):
        return None
