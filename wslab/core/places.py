"""Where the lessons and the recorded runs lie: in an installed package among its modules, in a clone beside it.

Either way both are in one folder, since a lesson may open a recorded run by its path from there.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def lessons() -> Path:
    """Return the folder of the numbered notebooks. It may be missing where somebody packed the kit without them."""
    return _placed("lessons", "notebooks")


def recordings() -> Path:
    """Return the folder of the recorded runs, with those of the lessons in folders of their own."""
    return _placed("data", "data")


def _placed(installed: str, cloned: str) -> Path:
    inside = _PACKAGE / installed
    return inside if inside.is_dir() else _PACKAGE.parent / cloned
