"""The field guide's page: every cell opens to its evidence, and nothing that a subject said is HTML."""

from __future__ import annotations

from bs4 import BeautifulSoup
from rich.console import Console

from wslab.core.checks import Evidence, Judgement
from wslab.core.fieldguide import Cell, GuideEntry
from wslab.views.fieldguide import page, render

HOSTILE = "<script>alert(1)</script>[bold]"
ANSWERS: list[tuple[str, Judgement]] = [("a", "passes"), ("b", "fails")]
ENTRIES = [
    GuideEntry(
        subject=f"{name}{HOSTILE}",
        group="server",
        asked_at="2026-11-26T12:00:00+00:00",
        versions={HOSTILE: HOSTILE},
        machine={"python": HOSTILE},
        trouble=(HOSTILE,),
        cells=(
            Cell(
                question="drains_after_refusing",
                answer=answer,
                judgement=answer,
                seen=HOSTILE,
                evidence=(Evidence(HOSTILE, 0.5), Evidence("next")),
            ),
            Cell(question="default_limit", answer=HOSTILE, seen=HOSTILE),
        ),
    )
    for name, answer in ANSWERS
] + [GuideEntry(subject="c", group="client", asked_at="2026-11-26T12:00:00+00:00", missing=HOSTILE)]


def test_every_cell_opens_to_its_own_evidence_and_nothing_is_html() -> None:
    soup = BeautifulSoup(page(ENTRIES, [HOSTILE]), "html.parser")
    assert not soup.find("script")
    cells = soup.select("td a")
    assert len(cells) == 4
    for link in cells:
        article = soup.find(id=str(link["href"]).removeprefix("#"))
        assert article is not None
        column = str(link["aria-label"]).partition(HOSTILE)[0]
        assert article.get_text().strip().startswith(("close\n" + column, column))
    assert len(soup.select("article")) == 4


def test_terminal_tells_who_gave_which_answer() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(render(ENTRIES, ["a: passes → fails"]))
    said = captured.get()
    assert "passes (1): a<script>alert(1)</script>[bold]" in said
    assert "fails (1): b" in said
    assert "a: passes → fails" in said
