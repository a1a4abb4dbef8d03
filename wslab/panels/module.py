"""The page's side of every panel: the files of `static/`, joined into the one ES module that a widget may have."""

from __future__ import annotations

from importlib.resources import files

SCRIPTS = (
    "theme",
    "controls",
    "tables",
    "sizes",
    "drill",
    "lanes",
    "arrivals",
    "counters",
    "browser",
    "curves",
    "delays",
    "herd",
    "passing",
    "kernel",
    "panel",
)
"""Joined in this order into the one module that a widget may have; the last exports it."""

_STATIC = files("wslab.panels") / "static"

ESM = "\n".join((_STATIC / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
CSS = (_STATIC / "panel.css").read_text(encoding="utf-8")
