"""A check for readers: on a terminal, as one page with folded evidence, and as JUnit XML for CI.

Words of peers are escaped: made printable for a terminal, by the template in HTML, by the library in XML.
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wslab.core.checks import Check, Judgement, Result
from wslab.core.findings.finding import counted
from wslab.core.printable import printable
from wslab.views.words import seconds

MARKS: dict[Judgement, tuple[str, str]] = {
    "passes": ("✓", "green"),
    "informational": ("i", "blue"),
    "surprises clients": ("!", "yellow"),
    "fails": ("✗", "red"),
    "not applicable": ("–", "dim"),
    "not run": ("?", "magenta"),
}
"""The mark and the colour of each judgement; the mark alone is enough."""

_TEMPLATES = Environment(loader=PackageLoader("wslab.views"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def render(check: Check, changed: Sequence[str] = ()) -> RenderableType:
    """Return a check as a summary for one screen: one row per case, then what to do, then what changed."""
    table = Table()
    for heading in ("", "case", "what was seen"):
        table.add_column(heading, no_wrap=heading == "case")
    for result in check.results:
        mark, color = MARKS[result.judgement]
        table.add_row(Text(mark, color), result.case, Text(printable(_short(result.seen.seen))))
    lines = [f"{result.case}: {result.seen.advice}" for result in _to_mend(check)]
    shown: list[RenderableType] = [Text(printable(f"{check.subject}: {sentence(check)}"), "bold")]
    shown += [table] if check.results else []
    if lines:
        shown.append(Text("What to do", "bold"))
        shown += [Text(printable(f"  {line}")) for line in lines]
    if check.policy is not None:
        shown.append(Text(f"Its policy, estimated: {check.policy.told()}"))
    if changed:
        shown.append(Text("Changed since the earlier check", "bold"))
        shown += [Text(printable(f"  {line}")) for line in changed]
    return Group(*shown)


def sentence(check: Check) -> str:
    """Return the result of a check in one sentence."""
    counts = ", ".join(f"{judgement} {count}" for judgement, count in check.counts().items())
    stopped = f"; {check.stopped}" if check.stopped else ""
    return f"{counted(len(check.results), 'case')} in {seconds(check.elapsed_s)}: {counts or 'none'}{stopped}"


def page(check: Check, changed: Sequence[str] = ()) -> str:
    """Return a check as one HTML document that needs no network, with folded evidence."""
    return _TEMPLATES.get_template("check.html.j2").render(
        check=check, sentence=sentence(check), changed=changed, marks=MARKS, seconds=seconds, to_mend=_to_mend(check)
    )


def junit(check: Check) -> str:
    """Return a check as JUnit XML: cases that fail are failures; those not run or not applicable are skipped."""
    from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

    suite = TestSuite("wslab check")
    suite.add_property("subject", printable(check.subject))
    for result in check.results:
        case = TestCase(result.case, classname="wslab.check", time=result.elapsed_s)
        words = printable(f"{result.seen.seen} {result.seen.advice}".strip())
        if result.judgement == "fails":
            case.result = [Failure(words)]
        elif result.judgement in ("not run", "not applicable"):
            case.result = [Skipped(words)]
        else:
            case.system_out = f"{result.judgement}: {words}"
        suite.add_testcase(case)
    document = JUnitXml()
    document.add_testsuite(suite)
    return str(document.tostring().decode())  # type: ignore[no-untyped-call]


def _to_mend(check: Check) -> list[Result]:
    order: list[Judgement] = ["fails", "surprises clients", "not run", "informational"]
    wanted = [result for result in check.results if result.seen.advice and result.judgement in order]
    return sorted(wanted, key=lambda result: order.index(result.judgement))


def _short(words: str, longest: int = 150) -> str:
    return words if len(words) <= longest else words[: longest - 1].rpartition(" ")[0] + " …"
