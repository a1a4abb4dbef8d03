"""A saved run as a notebook that loads and shows it, so that a reader can carry on from there."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from wslab.core.printable import as_markdown
from wslab.core.records import KINDS
from wslab.core.runs import Run
from wslab.views.style import GROUPS

MANY_RECORDS = 20_000
"""With this many records, findings take too long."""

MANY_CLIENTS = 60
"""With this many clients a timeline is illegible, so arrivals are drawn."""


def run_heading(run: Run) -> str:
    """Return the heading of a run's report, as Markdown."""
    name = run.info.parameters.get("capture") or run.info.experiment.replace("_", " ")
    return f"What was seen: {as_markdown(str(name))}"


def run_notebook(run: Run, file_name: str) -> NotebookNode:
    """Return a notebook that draws and lists the contents of `run`, which is saved as `file_name`.

    >>> from wslab.core.herds.simulate import simulate_herd
    >>> run = simulate_herd(10, "full_jitter", downtime_s=1, seed=1).to_run()
    >>> print(run_notebook(run, "herd.jsonl").cells[1].source)
    import wslab
    from wslab import plots, show, tables
    <BLANKLINE>
    run = wslab.load('herd.jsonl')
    run
    """
    info = run.info
    how = " It ended early." if info.partial else ""
    begun = f"begun {as_markdown(info.started_at)}, {info.duration_s:.1f} s"
    cells = [
        _prose(f"The run {as_markdown(file_name)}, {begun}.{how}"),
        _code(f"import wslab\nfrom wslab import plots, show, tables\n\nrun = wslab.load({file_name!r})\nrun"),
    ]
    if len(run.records) < MANY_RECORDS:
        cells += [_prose("## What it shows"), _code("wslab.explain(run)")]
    for heading, source in _figures(run):
        cells += [_prose(f"## {heading}"), _code(source)]
    for kind in KINDS:
        if run.of(kind.record):
            cells += [_prose(f"## The {kind.name}"), _code(f"tables.{kind.name}(run)")]
    return new_notebook(cells=cells, metadata={"kernelspec": _PYTHON})  # type: ignore[no-any-return]


_PYTHON = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def _figures(run: Run) -> list[tuple[str, str]]:
    figures = []
    if "cases" in run.info.parameters:
        figures.append(("Which ways passed", "show(plots.ways_that_pass(run))"))
    elif run.sends:
        figures.append(("What came of each message", "show(plots.close_codes(run))"))
    if run.outages and len({outage.client for outage in run.outages}) < MANY_CLIENTS:
        figures.append(("Who was away, and for how long", "show(plots.reconnect_timeline(run))"))
    elif run.traces and run.closures and len({trace.client for trace in run.traces}) < MANY_CLIENTS:
        figures.append(("When each connection was open", "show(plots.reconnect_timeline(run))"))
    elif run.outages and run.restarts:
        figures.append(("When the clients came back", "show(plots.arrivals(run))"))
    if any(outage.reopened_at_s for outage in run.outages):
        figures.append(("Time to reconnect", "show(plots.time_to_reconnect(run))"))
    if 1 <= len({sighting.subject for sighting in run.sightings}) <= len(GROUPS):
        figures.append(("What clients were told", "show(plots.code_seen_by_server(run))"))
    if run.footprints:
        figures.append(("Memory that was held", "show(plots.memory_held(run))"))
    return figures


def _prose(source: str) -> NotebookNode:
    return new_markdown_cell(source)  # type: ignore[no-any-return]


def _code(source: str) -> NotebookNode:
    return new_code_cell(source)  # type: ignore[no-any-return]
