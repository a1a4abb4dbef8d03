"""The figures of the how-to pages, drawn from recorded runs and seeded simulations, with captions that name them.

`sphinx-build` calls `draw_all`. Each figure has NAME.svg and NAME.md, which a page includes. Picture, text alternative
and caption are computed from the same tables; no number is typed into a page.
"""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import _results as results_of_bench
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wslab import explain, load, plots, simulate_herd, tables
from wslab.checks import CLIENT_CASES, SERVER_CASES
from wslab.core.codes.habits import PRACTICES, in_practice
from wslab.core.codes.languages import speaking
from wslab.core.codes.sources import Source
from wslab.core.fieldguide import read_entries
from wslab.core.policies.estimate import estimate
from wslab.views.axes import dress
from wslab.views.style import INK, look

DATA = Path(__file__).parent.parent / "data"
BENCH = DATA / "bench" / "results.jsonl"


class Drawn(NamedTuple):
    """A figure and its origin, a sentence in Markdown."""

    figure: Axes | Figure
    origin: str


def was_it_a_limit() -> Drawn:
    run = load(DATA / "visibility.jsonl")
    return Drawn(plots.code_seen_by_server(run), "Recorded in `data/visibility.jsonl`.")


def it_dies_every_minute() -> Drawn:
    run = load(DATA / "watch-idle.jsonl")
    return Drawn(plots.watch_timeline(run), "Recorded in `data/watch-idle.jsonl`, with a timeout of two seconds.")


def from_a_capture() -> Drawn:
    run = explain(DATA / "captures" / "too-big.pcapng").run
    return Drawn(plots.close_codes(run), "Captured in `data/captures/too-big.pcapng`.")


def bent() -> Drawn:
    faults = {"nothing bent": "passed", "rewrite_close": "rewritten", "drop_close": "dropped"}
    runs = {name: load(DATA / f"relay-{file}.jsonl") for name, file in faults.items()}
    return Drawn(plots.outcome_shares(runs), "Recorded in `data/relay-passed.jsonl` and those beside it.")


def announced() -> Drawn:
    runs = {"announced with 1012": "restart-graceful", "the process is killed": "restart-crash"}
    restarts = {name: load(DATA / f"{file}.jsonl") for name, file in runs.items()}
    origin = "Recorded in `data/restart-graceful.jsonl` and `data/restart-crash.jsonl`."
    return Drawn(plots.outcome_shares(restarts, of="outages"), origin)


def drained() -> Drawn:
    crowd: dict[str, Any] = {"downtime_s": 10, "max_admissions_per_s": 500, "seed": 1}
    herds = {
        "all closed at once": simulate_herd(10_000, "full_jitter", **crowd),
        "closed over 20 s": simulate_herd(10_000, "full_jitter", **crowd, drain_s=20),
    }
    return Drawn(plots.side_by_side(herds), '`simulate_herd(10_000, "full_jitter", …, seed=1)`.')


def which_backoff() -> Drawn:
    names = ["constant", "exponential", "full_jitter", "decorrelated_jitter", "seed_page", "registry"]
    crowd: dict[str, Any] = {"downtime_s": 10, "max_admissions_per_s": 500, "seed": 1}
    herds = {name: simulate_herd(10_000, name, **crowd) for name in names}
    return Drawn(
        plots.side_by_side(herds), "`simulate_herd(10_000, …, downtime_s=10, max_admissions_per_s=500, seed=1)`."
    )


def codes_through_proxies() -> Drawn:
    ways = ["directly", "through-nginx", "through-haproxy", "through-jupyter-server-proxy"]
    runs = {f"{way}, {what}": load(DATA / f"{way}-{what}.jsonl") for way in ways for what in ("restarts", "too-big")}
    closures = tables.closures(runs).query("closed_by != 'client'")
    closures["way"] = closures["run"].str.partition(",")[0].str.removeprefix("through-")
    return Drawn(plots.outcome_shares(closures, by="way"), "Recorded by `data/record_proxies.py`.")


def raise_or_chunk() -> Drawn:
    run = load(DATA / "frames-question.jsonl")
    return Drawn(plots.ways_that_pass(run), "Recorded in `data/frames-question.jsonl`.")


def limit_cost() -> Drawn:
    run = load(DATA / "limit-cost.jsonl")
    return Drawn(plots.memory_held(run), "Recorded in `data/limit-cost.jsonl`.")


def reached() -> Drawn:
    run = load(DATA / "sweep-until-refused.jsonl")
    return Drawn(plots.close_codes(run), "Recorded in `data/sweep-until-refused.jsonl`.")


def estimated_policy() -> Drawn:
    found = estimate([[1.1, 1.9, 4.2, 7.8, 10.0, 9.9], [0.6, 1.5, 3.1, 5.2, 7.0, 8.8], [0.8, 1.2, 2.4, 7.5, 6.1, 9.3]])
    assert found is not None, "there are enough delays"
    crowd: dict[str, Any] = {"downtime_s": 5, "max_admissions_per_s": 500, "seed": 1}
    herds = {
        "as estimated": simulate_herd(10_000, found.policy(), **crowd),
        "the same without jitter": simulate_herd(10_000, "exponential", **crowd),
    }
    return Drawn(plots.side_by_side(herds), "`simulate_herd(10_000, estimate(…).policy(), downtime_s=5, …, seed=1)`.")


def servers_asked() -> Drawn:
    return Drawn(plots.field_guide(read_entries()), RECORDED_GUIDE)


def proxies_asked() -> Drawn:
    return Drawn(plots.field_guide(read_entries(), "proxy"), RECORDED_GUIDE)


def plain_clients_asked() -> Drawn:
    return Drawn(plots.field_guide(read_entries(), "plain"), RECORDED_GUIDE)


def clients_asked() -> Drawn:
    return Drawn(plots.field_guide(read_entries(), "client"), RECORDED_GUIDE)


def speed() -> Drawn:
    """Draw what was measured for each promise, as a share of it."""
    _, results = results_of_bench.load(BENCH)
    promised = [result for result in results if result.share]
    kept = [result for result in promised if result.met]
    _, ax = plt.subplots(figsize=(10, 1 + 0.34 * len(promised)), layout="constrained")
    for place, result in enumerate(promised):
        seen = look("accepted" if result.met else 1009)
        ax.plot([min(result.share), max(result.share)], [place, place], color=seen.color, linewidth=2)
        ax.plot(statistics.median(result.share), place, color=seen.color, marker="o" if result.met else "X")
    ax.axvline(1, color=INK, linewidth=1)
    ax.set_xscale("log")
    ax.set_yticks(range(len(promised)), [textwrap.shorten(result.claim, 82) for result in promised])
    ax.invert_yaxis()
    dress(
        ax,
        kind="Ranges on a logarithmic scale",
        title=f"{len(kept)} of {len(promised)} promises are kept in the median",
        xlabel="share of the promised bound: left of the line is better\n● kept  ✖ not kept; the line is the spread",
        details=[f"{result.claim}: {statistics.median(result.share):.2f} of the bound" for result in promised],
    )
    return Drawn(ax, "Measured by `make bench`, recorded in `data/bench/results.jsonl`.")


def bench() -> str:
    """Return every recorded result, and the machine, as Markdown."""
    machine, results = results_of_bench.load(BENCH)
    return f"{results_of_bench.table(results)}\n{machine}\n"


RECORDED_GUIDE = "Recorded in `data/fieldguide/entries.jsonl`."

FIGURES: tuple[Callable[[], Drawn], ...] = (
    was_it_a_limit,
    it_dies_every_minute,
    from_a_capture,
    announced,
    drained,
    which_backoff,
    codes_through_proxies,
    raise_or_chunk,
    limit_cost,
    reached,
    estimated_policy,
    bent,
    servers_asked,
    proxies_asked,
    plain_clients_asked,
    clients_asked,
    speed,
)


def cases() -> str:
    """Return every case of the checks as Markdown: what is done, what is expected, and its source."""
    lines = []
    for title, known in (("Of a server", SERVER_CASES), ("Of a client", CLIENT_CASES)):
        lines += [f"**{title}**", "", "| case | what is done | what is expected | source |", "|---|---|---|---|"]
        for case in known.values():
            source = f"[{case.why.label}]({case.why.url})" if isinstance(case.why, Source) else case.why.label
            lines.append(f"| `{case.name}` | {case.does} | {case.expects} | {source} |")
        lines.append("")
    return "\n".join(lines)


def subjects_asked() -> str:
    """Return every subject of the field guide as Markdown: description, versions, default limit and idle timeout."""
    lines = ["| subject | versions | largest message by default | idle timeout |", "|---|---|---|---|"]
    for entry in read_entries():
        versions = ", ".join(f"{name} {version}" for name, version in entry.versions.items())
        told = [cell.answer if (cell := entry.cell(each)) else "" for each in ("default_limit", "idle_timeout")]
        lines.append(f"| {entry.subject}: {entry.about} | {versions} | {' | '.join(told)} |")
    return "\n".join(lines)


def in_the_field(code: int) -> str:
    """Return the field guide's counts for a close code as Markdown."""
    counted = "\n".join(f"- {sentence}" for sentence in in_practice(code, speaking("en")))
    return f"The [field guide](/fieldguide.md) counts:\n\n{counted}\n"


def draw_all(folder: Path) -> None:
    """Write every figure, the lists of cases and subjects, the counts and the table of `make bench` into the folder."""
    folder.mkdir(exist_ok=True)
    for code in PRACTICES:
        (folder / f"practice_{code}.md").write_text(in_the_field(code), encoding="utf-8")
    (folder / "subjects.md").write_text(subjects_asked(), encoding="utf-8")
    (folder / "bench.md").write_text(bench(), encoding="utf-8")
    (folder / "cases.md").write_text(cases(), encoding="utf-8")
    for draw in FIGURES:
        drawn, origin = draw()
        plots.save(drawn, folder / f"{draw.__name__}.svg")
        alternative = " ".join(plots.describe(drawn).split())
        text = f"```{{figure}} /_generated/{draw.__name__}.svg\n:alt: {alternative}\n\n{origin}\n```\n"
        (folder / f"{draw.__name__}.md").write_text(text, encoding="utf-8")
