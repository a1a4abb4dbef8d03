"""A run in a notebook: counts of what was seen, the knobs, and how good the instrument was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import Environment, PackageLoader

from wslab.core.codes.registry import lookup
from wslab.core.knobs import Knobs
from wslab.core.printable import printable
from wslab.core.records import KINDS, Record
from wslab.core.runs import Run
from wslab.views.words import seconds

_TEMPLATES = Environment(
    loader=PackageLoader("wslab.views"),
    autoescape=True,
    finalize=lambda value: printable(value) if isinstance(value, str) else value,  # a run may come from a stranger
    trim_blocks=True,
    lstrip_blocks=True,
)


class RecordCount(NamedTuple):
    """The records of one kind, named like their function in `wslab.tables`, and counts of what they met."""

    kind: str
    number: int
    met: list[tuple[str, int]]


def run_html(run: Run) -> str:
    """Return the run as one HTML element for a notebook's output.

    >>> from wslab import Knobs, send_message
    >>> "1009 Message Too Big" in run_html(send_message(Knobs(max_message_bytes=1024), "x" * 1025))
    True
    """
    return _TEMPLATES.get_template("run.html.j2").render(
        run=run, info=run.info, seen=list(_seen(run)), turned=_turned(run.info.knobs), seconds=seconds
    )


def _seen(run: Run) -> Iterator[RecordCount]:
    for kind in KINDS:
        if records := run.of(kind.record):
            yield RecordCount(kind.name, len(records), Counter(filter(None, map(_met, records))).most_common())


def _met(record: Record) -> str | None:
    """Return what a record met: the code with which a connection closed, or another outcome."""
    code = getattr(record, "close_code", None)
    if code is not None:
        return lookup(code).label
    return getattr(record, "outcome", None) or getattr(record, "kind", None)


def _turned(knobs: Knobs | None) -> dict[str, object]:
    """Return the knobs that are not at their defaults."""
    if knobs is None:
        return {}
    fresh = Knobs()
    return {
        name: getattr(knobs, name) for name in knobs.__struct_fields__ if getattr(knobs, name) != getattr(fresh, name)
    }
