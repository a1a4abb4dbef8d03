"""Findings for readers, each with how sure it is, why, what else it could be, and what to do.

On a terminal, as Markdown for a ticket, or as HTML in a notebook, with the words of peers escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jinja2 import Environment, PackageLoader
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wslab.core.codes.sources import Lesson, Source
from wslab.core.findings import Finding
from wslab.core.printable import as_markdown, printable

SHOWN_EVIDENCE = 8

MOST = 50
"""How many findings are shown; a JSON document has them all."""

NOTHING = "Nothing closed but what was closed on purpose."

_TEMPLATES = Environment(loader=PackageLoader("wslab.views"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def render_findings(findings: Sequence[Finding], nothing: str = NOTHING) -> RenderableType:
    """Return the findings for a rich `Console`: styled on a terminal, plain text elsewhere."""
    if not findings:
        return Text(printable(nothing), style="bold")
    more = [Text(f"and {len(findings) - MOST:,} more")] if len(findings) > MOST else []
    return Group(*(part for finding in findings[:MOST] for part in _parts(finding)), *more)


def findings_markdown(findings: Sequence[Finding], nothing: str = NOTHING) -> str:
    """Return the findings as Markdown."""
    if not findings:
        return f"{as_markdown(nothing)}\n"
    return "\n\n".join(
        "\n".join(
            [
                f"**{as_markdown(finding.what)}**",
                "",
                *(f"- {name}: {as_markdown(told)}" for name, told in rows(finding, urls=True)),
            ]
        )
        for finding in findings
    )


def findings_html(findings: Sequence[Finding], nothing: str = NOTHING) -> str:
    """Return the findings as one HTML element for a notebook's output."""
    return _TEMPLATES.get_template("findings.html.j2").render(
        findings=[(printable(finding.what), list(rows(finding))) for finding in findings[:MOST]],
        more=max(0, len(findings) - MOST),
        nothing=printable(nothing),
    )


def _parts(finding: Finding) -> Iterator[RenderableType]:
    yield Text(printable(finding.what), style="bold")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for question, answer in rows(finding):
        grid.add_row(question, Text(printable(answer)))
    yield Padding(grid, (0, 0, 1, 2))


def rows(finding: Finding, *, urls: bool = False) -> Iterator[tuple[str, str]]:
    """Yield details of a finding, each as question and answer; `urls` adds the URLs of its sources."""
    if address := finding.facts.get("server_address"):
        yield "server", str(address)
    yield "how sure", f"{finding.sure}; whose doing: {finding.whose}"
    yield "why", finding.why
    for other in finding.instead:
        yield "or else", f"{other.explanation}. To tell: {other.experiment}."
    yield "what to do", finding.advice
    if finding.sources:
        yield "see", "; ".join(_named(source, url=urls) for source in finding.sources)
    some = ", ".join(map(str, finding.evidence[:SHOWN_EVIDENCE]))
    more = len(finding.evidence) - SHOWN_EVIDENCE
    kept = "record" if len(finding.evidence) == 1 else "records"
    yield "evidence", f"{kept} {some}" + (f" and {more:,} more" if more > 0 else "")


def _named(source: Source | Lesson, *, url: bool) -> str:
    return f"{source.label}, {source.url}" if url and isinstance(source, Source) else source.label
