"""The folders of the lessons and the recorded runs: inside an installed package, beside the package in a clone.

Either way, both folders have the same parent, since a lesson may open a recorded run by a relative path.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def lessons() -> Path:
    """Return the folder of the numbered notebooks; it is missing if the kit was packed without them."""
    return _placed("lessons", "notebooks")


def recordings() -> Path:
    """Return the folder of the recorded runs; those of the lessons are in subfolders."""
    return _placed("data", "data")


def _placed(installed: str, cloned: str) -> Path:
    inside = _PACKAGE / installed
    return inside if inside.is_dir() else _PACKAGE.parent / cloned
