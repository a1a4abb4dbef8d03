"""Findings in a terminal: each with how sure it is, why, what else it could be, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wslab.core.findings import Finding

SHOWN_EVIDENCE = 8


def render_findings(findings: Sequence[Finding]) -> RenderableType:
    """Return the findings, to be printed by a rich `Console`: styled on a terminal, plain text anywhere else."""
    if not findings:
        return Text("Nothing closed but what was closed on purpose.", style="bold")
    return Group(*(part for finding in findings for part in _parts(finding)))


def _parts(finding: Finding) -> Iterator[RenderableType]:
    yield Text(finding.what, style="bold")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for question, answer in _rows(finding):
        grid.add_row(question, Text(answer))
    yield Padding(grid, (0, 0, 1, 2))


def _rows(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "how sure", f"{finding.sure}; whose doing: {finding.whose}"
    yield "why", finding.why
    for other in finding.instead:
        yield "or else", f"{other.explanation}. To tell: {other.experiment}."
    yield "what to do", finding.advice
    yield "see", "; ".join(source.label for source in finding.sources)
    some = ", ".join(map(str, finding.evidence[:SHOWN_EVIDENCE]))
    more = len(finding.evidence) - SHOWN_EVIDENCE
    yield "records", some + (f" and {more:,} more" if more > 0 else "")
