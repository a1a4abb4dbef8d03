"""Notebooks in a few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from bs4 import Tag
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

Write = Callable[..., Path]


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of these cells: one that begins with # is prose, one that begins with @ the parameters'."""
    made = []
    for source in cells:
        if source.startswith("# "):
            made.append(new_markdown_cell(source))
        else:
            tags = {"tags": ["parameters"]} if source.startswith("@") else {}
            made.append(new_code_cell(source.removeprefix("@"), metadata=tags))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=made, metadata=kernel), path)
    return path


def first(within: Tag, selector: str) -> Tag:
    found = within.select_one(selector)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def write() -> Write:
    return write_notebook
