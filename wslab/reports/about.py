"""What a report says about itself: where and when it was made, and the knobs, error bar and data of each run."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from nbformat import NotebookNode

from wslab.core.findings import headline
from wslab.core.knobs import Knobs
from wslab.core.printable import printable
from wslab.core.runs import Run, load
from wslab.reports.fragments import data_uri
from wslab.reports.runs import MANY_RECORDS
from wslab.views.words import about as size_in_words
from wslab.views.words import seconds

PACKAGES = ("wslab", "websockets", "pandas", "matplotlib", "nbclient", "nbconvert")

ROOM_BYTES = 700_000
"""Room for all runs together, compressed; runs that do not fit are named and left out."""


@dataclass(frozen=True, slots=True)
class RunBehind:
    """One run behind a page.

    Fields:
        found: the finding in one sentence. words: its contents in counts.
        content: the whole file. href: the file as a data URI, if it fits into the page.
    """

    name: str
    found: str
    words: str
    facts: dict[str, str]
    file_name: str
    size: str
    content: bytes
    href: str | None


def environment(notebook: NotebookNode) -> dict[str, str]:
    """Return the kernel, machine and versions with which a notebook was executed."""
    kernel = notebook.metadata.get("kernelspec", {}).get("display_name", "Python 3")
    language = notebook.metadata.get("language_info", {})
    versions = {name: version for name in PACKAGES if (version := _version(name))}
    return {
        "kernel": f"{kernel}, {language.get('name', '')} {language.get('version', '')}".strip(", "),
        "machine": platform.platform(),
        **versions,
    }


def runs_behind(folder: Path) -> Iterator[RunBehind]:
    """Yield the runs in `folder`, in the order of their making."""
    room = ROOM_BYTES
    loaded = [(path, load(path)) for path in folder.glob("*.jsonl.gz")]
    for number, (path, run) in enumerate(sorted(loaded, key=lambda pair: pair[1].info.started_at), start=1):
        content = path.read_bytes()
        fits = len(content) <= room
        room -= len(content) if fits else 0
        yield RunBehind(
            name=printable(run.info.experiment),
            found=headline(run) if len(run.records) < MANY_RECORDS else "",
            words=printable(repr(run).removeprefix(f"<Run {run.info.experiment}: ").removesuffix(">")),
            facts={name: printable(value) for name, value in _facts(run).items()},
            file_name=f"{number:02}-{re.sub(r'[^0-9A-Za-z_-]+', '-', run.info.experiment)[:40]}.jsonl.gz",
            size=size_in_words(len(content)),
            content=content,
            href=data_uri(content, "application/gzip") if fits else None,
        )


def _facts(run: Run) -> dict[str, str]:
    info = run.info
    lag = "" if info.loop_lag_p99_s is None else f"99 % within {seconds(info.loop_lag_p99_s)}"
    facts = {
        "begun": f"{info.started_at}, {info.duration_s:.2f} s" + (", ended early" if info.partial else ""),
        "arguments": _listed(info.parameters),
        "knobs": _knobs(info.knobs),
        "seed": "" if info.seed is None else str(info.seed),
        "how late the measuring loop woke": lag,
        "measured on": f"{info.platform}; {_listed(info.versions)}",
    }
    return {name: value for name, value in facts.items() if value}


def _knobs(knobs: Knobs | None) -> str:
    """List the knobs that differ from `Knobs()`."""
    if knobs is None:
        return ""
    usual = msgspec.structs.asdict(Knobs())
    turned = {name: value for name, value in msgspec.structs.asdict(knobs).items() if value != usual[name]}
    return f"{_listed(turned)}; all others at their defaults" if turned else "all at their defaults"


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_written(value)}" for name, value in values.items())


def _written(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text if len(text) <= 300 else f"{text[:300]} …"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
